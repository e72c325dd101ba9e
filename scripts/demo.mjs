import { join } from "node:path";
import { parseArgs } from "node:util";
import { bootstrap } from "./bootstrap.mjs";
import { command } from "./terminal/command.mjs";
import { passThrough } from "./terminal/processes.mjs";
import { progressToStderr } from "./terminal/progress.mjs";
import { environment, node, root } from "./workspace/toolchain.mjs";

const HELP = `npm run demo

Installs and builds what is missing, then runs the workout planner's main job on the embedded engine: no
server, nothing to configure. Its rows go into a database inside the process, or into the one that
DATABASE_URL names, where its tables are made and its rows stay.

With REDIS_URL (or REDIS_HOST and its like) the same runs across two processes: one sends and checks, a
worker's process does the jobs. Both use the database of DATABASE_URL, or a PostgreSQL that is started for the
run, as for npm test. The jobs are in a namespace of their own, and their keys expire an hour later.`;

await command(HELP, demo);

async function demo() {
  // Rejects all arguments, so that a mistyped --help doesn't run the demo.
  parseArgs({ options: {} });
  const example = join(root, "examples/workout");
  await progressToStderr(bootstrap);
  return passThrough(node, [join(example, "src/demo.ts")], { cwd: example, env: environment(example) });
}
