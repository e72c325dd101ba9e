import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { User } from "./unprivileged-user.ts";

/** A server as commands, for the keeper process to run. */
export interface KeptServer {
  /** Run one after the other. The last one is the server, those before it prepare for it. */
  readonly commands: readonly Command[];
  /** Their working directory. */
  readonly directory: string;
  /** Whether the directory goes when the server does. */
  readonly removeDirectory: boolean;
  /** A regular expression; the server is ready once its log matches. */
  readonly readyWhen: string;
  readonly readyWithin: number;
  readonly stopSignal: NodeJS.Signals;
  /** Run as this user. @default the current one */
  readonly user: User | undefined;
}

export type Command = readonly [executable: string, ...args: string[]];

/** What a keeper says once: how the server can be reached, or why there is none. */
export type KeeperReport<Ready> = { readonly ready: Ready } | { readonly failed: string };

/** A server of this machine that is ready. */
export interface RunningProcess {
  readonly pid: number;
}

/** Runs a server of this machine under a keeper. */
export async function keepServer(server: KeptServer): Promise<{ pid: number; stop(): Promise<void> }> {
  const { ready, stop } = await startKeeper<RunningProcess>(new URL("./keeper.ts", import.meta.url), server);
  return { pid: ready.pid, stop };
}

/**
 * Starts a keeper: a small process that runs a server and holds a pipe to this one. However this process ends
 * (`stop()`, an exit, `kill -9`) the pipe closes, and the keeper then stops the server and removes what it stored. An
 * exit handler here would miss the last of the three.
 *
 * @param program the keeper's file
 * @param spec what it is to run, as JSON
 * @throws when the keeper reports that it failed, or ends without a report
 */
export async function startKeeper<Ready>(
  program: URL,
  spec: object,
): Promise<{ readonly ready: Ready; stop(): Promise<void> }> {
  const keeper = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(spec)], {
    // In a session of its own, so that Ctrl-C doesn't end it before it has cleaned up.
    detached: true,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    // What this process is run with (a debugger, loaders) is not meant for the keeper.
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const report = await firstReport<Ready>(keeper);
  if ("failed" in report) throw new Error(report.failed);

  // A test that forgets to stop its server can still end.
  keeper.unref();
  keeper.channel?.unref();
  return { ready: report.ready, stop: () => stopKeeper(keeper) };
}

function firstReport<Ready>(keeper: ChildProcess): Promise<KeeperReport<Ready>> {
  return new Promise((resolve, reject) => {
    keeper.once("message", (report) => resolve(report as KeeperReport<Ready>));
    keeper.once("error", reject);
    keeper.once("exit", (code, signal) => reject(new Error(`The server's keeper ended: ${signal ?? code}`)));
  });
}

async function stopKeeper(keeper: ChildProcess): Promise<void> {
  if (keeper.exitCode !== null || keeper.signalCode !== null) return;
  keeper.ref();
  const ended = once(keeper, "exit");
  if (keeper.connected) keeper.disconnect();
  await ended;
}
