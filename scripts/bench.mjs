import { existsSync } from "node:fs";
import { join } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { command } from "./terminal/command.mjs";
import { passThrough } from "./terminal/processes.mjs";
import { besideOutput } from "./terminal/progress.mjs";
import { environment, node, root } from "./workspace/toolchain.mjs";

const HELP = `npm run bench -- SUITE [--quick] [--json FILE]

Installs and builds what is missing, then measures this library beside its peers on the same servers.

  --quick        fewer jobs: shows that a suite runs, its figures mean little
  --json [FILE]  an array of { suite, case, system, metric, unit, value }, to FILE or to standard output

Without SUITE, the suites are listed.`;

await command(HELP, bench);

async function bench() {
  const directory = join(root, "benchmarks");
  const script = join(directory, "src/main.ts");
  if (!existsSync(script)) throw new Error(`There are no benchmarks to run: ${script} is missing.`);
  await besideOutput(bootstrap);
  // Run from where the command was given, so that FILE is relative to that.
  return passThrough(node, [script, ...process.argv.slice(2)], {
    cwd: process.cwd(),
    env: environment(directory),
  });
}
