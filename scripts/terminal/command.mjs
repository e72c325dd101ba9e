import { showError } from "./progress.mjs";

/**
 * Runs a command of the root's package.json and exits with the code it returns. Prints the message of an error, unless
 * a failed step has already.
 *
 * @param {string} help for `--help`
 * @param {() => Promise<number>} run
 */
export async function command(help, run) {
  if (process.argv.includes("--help")) return console.log(help);
  try {
    process.exitCode = await run();
  } catch (error) {
    showError(error);
    process.exitCode = 1;
  }
}
