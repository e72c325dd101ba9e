import { join } from "node:path";
import { bootstrap } from "./bootstrap.mjs";
import { command } from "./terminal/command.mjs";
import { passThrough } from "./terminal/processes.mjs";
import { progressToStderr } from "./terminal/progress.mjs";
import { environment, node, root } from "./workspace/toolchain.mjs";

const HELP = `npm run worker [-- OPTIONS]

Installs and builds what is missing, then runs the workers of the workout planner: \`queue worker\` in
examples/workout. REDIS_URL must name a server that the app's processes share. Options go to the command,
for example --watch or --processes 2.`;

await command(HELP, async () => {
  const example = join(root, "examples/workout");
  await progressToStderr(bootstrap);
  const queue = join(root, "packages/worker/bin/queue.js");
  return passThrough(node, [queue, "worker", ...process.argv.slice(2)], {
    cwd: example,
    env: environment(example),
  });
});
