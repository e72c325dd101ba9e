/** Started by `keepServer`: runs a server and cleans up after the parent process has exited. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Command, KeeperReport, KeptServer, RunningProcess } from "./kept-server.ts";

/** Time until a server that doesn't stop, for example a frozen one, is killed. */
const KILL_TIMEOUT_MS = 3_000;
const LOG_CHARACTERS = 8_000;

const server: KeptServer = JSON.parse(process.argv[2] ?? "");
let running: ChildProcess | undefined;
let log = "";
let ready = false;
let stopping = false;

process.on("disconnect", stop);
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);

const timer = setTimeout(() => {
  report({ failed: `Not ready after ${server.readyWithin / 1_000} s: ${describe()}` });
  stop();
}, server.readyWithin);

for (const command of server.commands) {
  const isServer = command === server.commands.at(-1);
  const ending = await run(command, isServer);
  if (stopping) break;
  if (isServer || ending !== "exit code 0") {
    report({ failed: `${command[0]} ended with ${ending}: ${describe()}` });
    break;
  }
}
clearTimeout(timer);
if (server.removeDirectory) rmSync(server.directory, { recursive: true, force: true });
if (process.connected) process.disconnect();

async function run([executable, ...args]: Command, isServer: boolean): Promise<string> {
  const child = spawn(executable, args, {
    cwd: server.directory,
    stdio: ["ignore", "pipe", "pipe"],
    // Readiness is detected in the log, so the log must be in English.
    env: { ...process.env, LC_ALL: "C" },
    ...server.user,
  });
  running = child;
  log = "";
  for (const stream of [child.stdout, child.stderr]) {
    // Keep reading after the server is ready, because it would block on a full pipe.
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      // Only once ready: while a server recovers, connecting clients may fill any number of log lines.
      if (ready) log = log.slice(-LOG_CHARACTERS);
      if (isServer && !ready && child.pid && new RegExp(server.readyWhen).test(log)) {
        ready = true;
        clearTimeout(timer);
        report({ ready: { pid: child.pid } });
      }
    });
  }
  try {
    const [code, signal] = await once(child, "close");
    return signal ?? `exit code ${code}`;
  } catch (error) {
    return String(error);
  }
}

function stop(): void {
  if (stopping) return;
  stopping = true;
  running?.kill(server.stopSignal);
  setTimeout(() => running?.kill("SIGKILL"), KILL_TIMEOUT_MS).unref();
}

function report(message: KeeperReport<RunningProcess>): void {
  // The callback swallows the error of a parent that is gone. If thrown, it would end the keeper before it cleans up.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

function describe(): string {
  return `${server.commands.at(-1)?.join(" ")}\n${log.slice(-LOG_CHARACTERS).trim()}`;
}
