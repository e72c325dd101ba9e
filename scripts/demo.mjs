import { existsSync } from "node:fs";
import { join } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { command } from "./terminal/command.mjs";
import { passThrough } from "./terminal/processes.mjs";
import { besideOutput } from "./terminal/progress.mjs";
import { environment, node, root } from "./workspace/toolchain.mjs";

const HELP = `npm run demo [-- ARGUMENTS]

Installs and builds what is missing, then runs the workout planner's main job on the embedded engine:
no server, nothing to configure. Arguments go to examples/workout/src/demo.ts.`;

await command(HELP, demo);

async function demo() {
  const example = join(root, "examples/workout");
  const script = join(example, "src/demo.ts");
  if (!existsSync(script)) throw new Error(`There is no demo to run: ${script} is missing.`);
  await besideOutput(bootstrap);
  return passThrough(node, [script, ...process.argv.slice(2)], { cwd: example, env: environment(example) });
}
