import { join } from "node:path";
import { bootstrap } from "../bootstrap.mjs";
import { passThrough } from "../terminal/processes.mjs";
import { progressToStderr, showError } from "../terminal/progress.mjs";
import { environment, node, root } from "./toolchain.mjs";

/**
 * Installs and builds what is missing, then runs a program of a workspace with the arguments of this process. The
 * program documents its own options.
 *
 * @param {string} workspace its folder
 * @param {string} script from there
 * @param {readonly string[]} [nodeOptions]
 */
export async function runProgram(workspace, script, nodeOptions = []) {
  try {
    await progressToStderr(bootstrap);
    const directory = join(root, workspace);
    process.exitCode = await passThrough(
      node,
      [...nodeOptions, join(directory, script), ...process.argv.slice(2)],
      {
        // npm changes to the root, but file arguments are relative to the caller's directory.
        cwd: process.env.INIT_CWD ?? process.cwd(),
        env: environment(directory),
      },
    );
  } catch (error) {
    showError(error);
    process.exitCode = 1;
  }
}
