import { spawn } from "node:child_process";
import { constants } from "node:os";
import { environment, root } from "../workspace/toolchain.mjs";

/** A failed command, with its output. */
export class CommandFailure extends Error {
  /**
   * @param {string} command
   * @param {string} output
   */
  constructor(command, output) {
    super(`${command} failed`);
    this.output = output;
  }
}

/**
 * @typedef {object} Options
 * @property {string} [cwd] the root by default
 * @property {NodeJS.ProcessEnv} [env] the workspace's tools by default
 * @property {boolean} [shell] whether the command is a line for the shell
 */

/**
 * Runs a command silently and returns its output. Throws `CommandFailure` if it fails.
 *
 * @param {string} command
 * @param {readonly string[]} [args]
 * @param {Options} [options]
 * @returns {Promise<string>}
 */
export function capture(command, args = [], { cwd = root, env = environment(), shell = false } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...env, ...colourSetting() },
    shell,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const title = [command, ...args].join(" ");
  return new Promise((resolve, reject) => {
    child.on("error", (error) => reject(new CommandFailure(title, String(error))));
    child.on("close", (code) => (code === 0 ? resolve(output) : reject(new CommandFailure(title, output))));
  });
}

/**
 * Runs a command in the foreground and returns its exit code, like a shell.
 *
 * @param {string} command
 * @param {readonly string[]} [args]
 * @param {Options} [options]
 * @returns {Promise<number>}
 */
export function passThrough(command, args = [], { cwd = root, env = environment(), shell = false } = {}) {
  const child = spawn(command, args, { cwd, env: { ...env, ...colourSetting() }, shell, stdio: "inherit" });
  // Ctrl-C in the terminal reaches the child directly. This process waits for its exit.
  const stay = () => {};
  const terminate = () => child.kill("SIGTERM");
  process.on("SIGINT", stay).on("SIGTERM", terminate);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", stay).off("SIGTERM", terminate);
      resolve(signal ? 128 + constants.signals[signal] : (code ?? 1));
    });
  });
}

/** Turns colour on or off, because not every tool notices that its output goes to a file or a pipe. */
function colourSetting() {
  if (process.env.FORCE_COLOR || process.env.NO_COLOR) return {};
  return process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };
}
