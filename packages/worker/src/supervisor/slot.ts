import type { LevelLogger } from "../config/config.ts";
import type { RestartSettings } from "../config/settings.ts";
import { EXIT_CODES, type ExitCode } from "../exit-codes.ts";
import { within } from "../within.ts";
import { RestartPolicy } from "./restart-policy.ts";
import { type ProcessEnd, WorkerProcess, type WorkerProcessParts } from "./worker-process.ts";

export interface SlotParts {
  /** From 1. */
  readonly number: number;
  readonly process: WorkerProcessParts;
  readonly restarts: RestartSettings;
  /** A process that ends stays ended until `restart`: in development, the next change may mend it. */
  readonly isWatching: boolean;
  readonly logger: LevelLogger;
  /** Called when restarts are given up. */
  readonly onGiveUp: (code: ExitCode, why: string) => void;
}

/** A place for one worker process: keeps it running, and replaces it. */
export class Slot {
  readonly #parts: SlotParts;
  readonly #policy: RestartPolicy;
  #current: WorkerProcess | undefined;
  /** Also successors that aren't ready, and processes that are being stopped. */
  readonly #living = new Set<WorkerProcess>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopping = false;
  #isQuiet = false;

  constructor(parts: SlotParts) {
    this.#parts = parts;
    this.#policy = new RestartPolicy(parts.restarts);
  }

  get number(): number {
    return this.#parts.number;
  }

  /** `undefined` between an end and the restart. */
  get process(): WorkerProcess | undefined {
    return this.#current;
  }

  /** Resolves once the process is ready; never if it ends before. */
  start(): Promise<void> {
    const process = this.#fork();
    this.#current = process;
    return process.ready;
  }

  /**
   * Starts a successor, and stops the process once that is ready. Resolves with why it wasn't replaced, `undefined` if it
   * was.
   */
  async replace(stopTimeout: number): Promise<string | undefined> {
    if (this.#isStopping || this.#isQuiet) return "it is stopping";
    clearTimeout(this.#timer);
    const next = this.#fork();
    const problem = await readyOrProblem(next);
    if (problem !== undefined) {
      next.kill("SIGKILL");
      if (!this.#current) this.#startIn(this.#parts.restarts.pause);
      return problem;
    }
    clearTimeout(this.#timer);
    const old = this.#current;
    this.#current = next;
    if (old) await stopProcess(old, stopTimeout);
    return undefined;
  }

  /** Stops the process, then starts another. */
  async restart(stopTimeout: number): Promise<void> {
    const old = this.#current;
    this.#current = undefined;
    if (old) await stopProcess(old, stopTimeout);
    if (!this.#isStopping) void this.start();
  }

  /** The process claims nothing more, and none is started in its place. */
  quiet(): void {
    this.#isQuiet = true;
    clearTimeout(this.#timer);
    for (const process of this.#living) process.kill("SIGTSTP");
  }

  /** Ends everything at once. */
  kill(): void {
    for (const process of this.#living) process.kill("SIGKILL");
  }

  /** Resolves once the process has ended. It is killed when it takes much longer than it was given. */
  async stop(stopTimeout: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#living].map((each) => stopProcess(each, stopTimeout)));
  }

  #startIn(pause: number): void {
    clearTimeout(this.#timer);
    if (!this.#isStopping) this.#timer = setTimeout(() => void this.start(), pause);
  }

  #fork(): WorkerProcess {
    const process = new WorkerProcess(this.#parts.process);
    this.#living.add(process);
    void process.ended.then((end) => this.#onEnd(process, end));
    return process;
  }

  #onEnd(process: WorkerProcess, end: ProcessEnd): void {
    this.#living.delete(process);
    if (this.#current !== process || this.#isStopping) return;
    this.#current = undefined;
    const { logger, number, onGiveUp } = this.#parts;
    const what = `Process ${number} (pid ${process.pid}) ended with ${howItEnded(end)}`;
    const fields = { process: number, childPid: process.pid, code: end.code, signal: end.signal };
    if (this.#isQuiet) {
      logger.info(fields, `${what}. It isn't started again: it was told to claim nothing more.`);
      return;
    }
    if (this.#parts.isWatching) {
      logger.warn(fields, `${what}. It is started again when a file changes.`);
      return;
    }
    const verdict = this.#policy.ended(end);
    if (verdict.type === "give-up") {
      logger.error(fields, `${what}. It isn't started again: ${verdict.why}.`);
      const code = end.code === EXIT_CODES.CONFIG ? EXIT_CODES.CONFIG : EXIT_CODES.CRASH_LOOP;
      onGiveUp(code, `process ${number} isn't started again: ${verdict.why}`);
      return;
    }
    // One that ended by itself has said what becomes of its jobs.
    const left = end.signal ? process.running : [];
    const running = left.map(({ id, message }) => `${id} (${message})`).join(", ");
    const pause = verdict.pause === 0 ? "at once" : `in ${verdict.pause / 1_000} s`;
    logger.warn(
      { ...fields, jobs: left.map(({ id }) => id) },
      `${what}. It is started again ${pause}.${running ? ` At its last sign it ran ${running}.` : ""}`,
    );
    this.#startIn(verdict.pause);
  }
}

/** How long a successor may take to be ready, in milliseconds. */
const READY_WITHIN = 60_000;

/** Resolves with `undefined` once it is ready. */
async function readyOrProblem(process: WorkerProcess): Promise<string | undefined> {
  const ready = process.ready.then(() => undefined);
  const ended = process.ended.then((end) => `ended with ${howItEnded(end)}`);
  return within(READY_WITHIN, Promise.race([ready, ended]), `wasn't ready within ${READY_WITHIN / 1_000} s`);
}

/** Beyond its time to stop, for closing connections. */
const CLOSE_TIME = 10_000;

async function stopProcess(process: WorkerProcess, stopTimeout: number): Promise<void> {
  process.stop();
  const timer = setTimeout(() => process.kill("SIGKILL"), stopTimeout + CLOSE_TIME);
  await process.ended;
  clearTimeout(timer);
}

function howItEnded({ code, signal }: ProcessEnd): string {
  if (signal) return `signal ${signal}`;
  if (code === EXIT_CODES.RESTART) return `code ${code}, to be started again`;
  return code === null ? "no code: it couldn't be started" : `code ${code}`;
}
