import { join } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { passThrough } from "./terminal/processes.mjs";
import { besideOutput, showError } from "./terminal/progress.mjs";
import { environment, node, root } from "./workspace/toolchain.mjs";

/** Installs and builds what is missing, then measures. The suites and `--help` are told by main.ts. */
try {
  await besideOutput(bootstrap);
  const directory = join(root, "benchmarks");
  // A suite collects garbage between its rounds, so that none pays for the one before.
  const script = ["--expose-gc", join(directory, "src/main.ts")];
  process.exitCode = await passThrough(node, [...script, ...process.argv.slice(2)], {
    // npm changes into the root; a FILE is meant from where the command was given.
    cwd: process.env.INIT_CWD ?? process.cwd(),
    env: environment(directory),
  });
} catch (error) {
  showError(error);
  process.exitCode = 1;
}
