import { installIfChanged } from "./bootstrap.mjs";
import { smokeTestPackedPackages } from "./published/smoke-test.mjs";
import { command } from "./terminal/command.mjs";

const HELP = `node scripts/smoke-packed.mjs

Packs the public packages, installs them in an empty project, imports every entry, and type-checks and runs
the README's first example there, and runs a worker and a job by packages/worker's README, with the Node that the machine has rather than the workspace's.`;

await command(HELP, async () => {
  await installIfChanged();
  await smokeTestPackedPackages();
  return 0;
});
