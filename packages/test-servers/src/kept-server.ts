import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { User } from "./unprivileged-user.ts";

/** A server as commands, to be run by a keeper process. */
export interface KeptServer {
  /** Run in order. The last one is the server, the others prepare it. */
  readonly commands: readonly Command[];
  /** The working directory. */
  readonly directory: string;
  /** Whether to remove the directory with the server. */
  readonly removeDirectory: boolean;
  /** A regular expression. The server is ready once its log matches. */
  readonly readyWhen: string;
  readonly readyWithin: number;
  readonly stopSignal: NodeJS.Signals;
  /** The user to run as. @default the current one */
  readonly user: User | undefined;
}

export type Command = readonly [executable: string, ...args: string[]];

/** Sent by a keeper once: how to reach the server, or why it failed. */
export type KeeperReport<Ready> = { readonly ready: Ready } | { readonly failed: string };

/** A running server on this machine. */
export interface RunningProcess {
  readonly pid: number;
}

/** Runs a server on this machine under a keeper. */
export async function keepServer(server: KeptServer): Promise<{ pid: number; stop(): Promise<void> }> {
  const { ready, stop } = await startKeeper<RunningProcess>(new URL("./keeper.ts", import.meta.url), server);
  return { pid: ready.pid, stop };
}

/**
 * Starts a keeper: a small process that runs a server and holds a pipe to this process. However this process ends
 * (`stop()`, an exit, `kill -9`), the pipe closes. The keeper then stops the server and removes its data. An exit
 * handler would miss `kill -9`.
 *
 * @param program the keeper's file
 * @param spec what to run, as JSON
 * @throws if the keeper reports a failure, or exits without a report
 */
export async function startKeeper<Ready>(
  program: URL,
  spec: object,
): Promise<{ readonly ready: Ready; stop(): Promise<void> }> {
  const keeper = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(spec)], {
    // In its own session, so that Ctrl-C doesn't end it before it has cleaned up.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // Options of this process (a debugger, loaders) aren't meant for the keeper.
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const report = await firstReport<Ready>(keeper);
  if ("failed" in report) throw new Error(report.failed);

  // Lets a process exit that forgets to stop its server.
  keeper.unref();
  keeper.channel?.unref();
  return { ready: report.ready, stop: () => stopKeeper(keeper) };
}

function firstReport<Ready>(keeper: ChildProcess): Promise<KeeperReport<Ready>> {
  return new Promise((resolve, reject) => {
    keeper.once("message", (report) => resolve(report as KeeperReport<Ready>));
    keeper.once("error", reject);
    keeper.once("exit", (code, signal) => reject(new Error(`The server's keeper exited: ${signal ?? code}`)));
  });
}

async function stopKeeper(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  keeper.ref();
  const ended = once(keeper, "exit");
  if (keeper.connected) keeper.disconnect();
  await ended;
}
