import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** The command as it is published. */
export const COMMAND = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than the command. */
  readonly program?: string;
  /** Another Node than that of the tests. */
  readonly node?: string;
  /** A file descriptor. */
  readonly stdout?: number;
}

/** Starts the built `queue` command in a process of its own. It is killed after the test. */
export function startQueue(args: readonly string[], options: RunOptions) {
  const { cwd, env = {}, node = process.execPath, program = COMMAND, stdout = "pipe" } = options;
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", program, ...args], {
    cwd,
    env: { PATH: process.env.PATH, NODE_ENV: "production", ...env },
    stdio: ["ignore", stdout, "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

/** Runs it to its end. */
export async function runQueue(args: readonly string[], options: RunOptions) {
  const child = startQueue(args, options);
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    text(child.stderr!),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
