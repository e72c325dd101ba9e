import { join } from "node:path";
import { bootstrap } from "../bootstrap.mjs";
import { passThrough } from "../terminal/processes.mjs";
import { besideOutput, showError } from "../terminal/progress.mjs";
import { environment, node, root } from "./toolchain.mjs";

/**
 * Installs and builds what is missing, then runs a program of a workspace's with the arguments of this process.
 * The program tells of its own options.
 *
 * @param {string} workspace its folder
 * @param {string} script from there
 * @param {readonly string[]} [nodeOptions]
 */
export async function runProgram(workspace, script, nodeOptions = []) {
  try {
    await besideOutput(bootstrap);
    const directory = join(root, workspace);
    process.exitCode = await passThrough(
      node,
      [...nodeOptions, join(directory, script), ...process.argv.slice(2)],
      {
        // npm changes into the root; a file is meant from where the command was given.
        cwd: process.env.INIT_CWD ?? process.cwd(),
        env: environment(directory),
      },
    );
  } catch (error) {
    showError(error);
    process.exitCode = 1;
  }
}
