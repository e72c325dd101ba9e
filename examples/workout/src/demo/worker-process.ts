import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Report, StopReason } from "./report.ts";

const ENTRY = fileURLToPath(new URL("../run-worker.ts", import.meta.url));
/** Longer than a worker waits for its running jobs. */
const STOP_TIMEOUT_MS = 10_000;

export interface WorkerProcess {
  readonly pid: number;
  /** Resolves once it accepts jobs. */
  readonly ready: Promise<void>;
  /** Rejects if the process exits unexpectedly. Never resolves. */
  readonly lost: Promise<never>;
  /** Stops it, and returns how it ended: `"exit code 0"`, or the signal that killed it. */
  stop(): Promise<string>;
}

/** Starts the worker as it would be deployed, and prints its output. It never outlives this process. */
export function startWorkerProcess(env: Readonly<Record<string, string>>, report: Report): WorkerProcess {
  const child = spawn(process.execPath, [...process.execArgv, ENTRY], {
    env: { ...process.env, QUEUE_LOG_FORMAT: "json", ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  // There is no exit event after `kill -9` of this process. Then the worker sees its channel close.
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  for (const input of [child.stdout!, child.stderr!]) {
    createInterface({ input }).on("line", (line) => {
      const told = aboutTheProcess(line);
      if (told !== undefined) report.quote(`worker ${child.pid}`, told);
    });
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
      `The worker's process, ${child.pid}, exited unexpectedly with ${ending}. Its output is above.`,
    );
  });
  // Whoever awaits it gets the rejection.
  lost.catch(() => undefined);

  return {
    pid: child.pid!,
    ready: Promise.race([lost, once(child, "message").then(() => undefined)]),
    lost,
    async stop() {
      isStopping = true;
      child.kill("SIGTERM");
      const kill = setTimeout(killNow, STOP_TIMEOUT_MS);
      const ending = await ended;
      clearTimeout(kill);
      return ending;
    },
  };
}

/** The text of a log line, unless it is about a job: the account at the end of the demo has these. */
function aboutTheProcess(line: string): string | undefined {
  try {
    const { job, msg } = JSON.parse(line);
    return job === undefined ? msg : undefined;
  } catch {
    return line;
  }
}
