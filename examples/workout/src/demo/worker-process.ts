import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Report, StopReason } from "./report.ts";

const ENTRY = fileURLToPath(new URL("../run-worker.ts", import.meta.url));
/** More than a worker grants its running jobs. */
const PATIENCE_MS = 10_000;

export interface WorkerProcess {
  readonly pid: number;
  /** Resolves when it takes jobs. */
  readonly ready: Promise<void>;
  /** Never resolves; rejects when the process ends without having been told to. */
  readonly lost: Promise<never>;
  /** Asks it to stop, and answers how it ended: `"exit code 0"`, or the signal that killed it. */
  stop(): Promise<string>;
}

/** Starts the worker that a user would deploy, and shows what it prints. It never outlives this process. */
export function startWorkerProcess(env: Readonly<Record<string, string>>, report: Report): WorkerProcess {
  const child = spawn(process.execPath, [...process.execArgv, ENTRY], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  // After `kill -9` of this process there's no such event; then the worker sees its channel close.
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  for (const input of [child.stdout!, child.stderr!]) {
    createInterface({ input }).on("line", (line) => report.quote(`worker ${child.pid}`, line));
  }

  let isStopping = false;
  // "close" comes after the last of its lines.
  const ended = once(child, "close").then(([code, signal]) => String(signal ?? `exit code ${code}`));
  ended.then(
    () => process.off("exit", killNow),
    () => process.off("exit", killNow),
  );
  const lost = ended.then((ending): Promise<never> => {
    if (isStopping) return new Promise(() => undefined);
    throw new StopReason(
      `The worker's process, ${child.pid}, ended by itself with ${ending}. What it said is above.`,
    );
  });
  // Whoever waits for it hears of it.
  lost.catch(() => undefined);

  return {
    pid: child.pid!,
    ready: Promise.race([lost, once(child, "message").then(() => undefined)]),
    lost,
    async stop() {
      isStopping = true;
      child.kill("SIGTERM");
      const kill = setTimeout(killNow, PATIENCE_MS);
      const ending = await ended;
      clearTimeout(kill);
      return ending;
    },
  };
}
