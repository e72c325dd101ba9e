import { MAX_BEAT_ATTEMPTS } from "../engine/engine-limits.ts";
import type { EngineWorkers, WorkerBeat, WorkerRecord } from "../engine/workers.ts";
import { randomSource } from "../errors/random-source.ts";
import { type Clock, monotonicNow } from "../timing/clock.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../timing/deadline.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";
import type { FailureLog } from "./failure-log.ts";
import { hostName, processId } from "./host.ts";
import type { AttemptPool } from "./pool/attempt-pool.ts";
import { VERSION } from "./version.ts";

export interface RegistrationParts {
  /** Absent where the engine keeps no list. */
  readonly workers: EngineWorkers | undefined;
  readonly clock: Clock;
  readonly pool: AttemptPool;
  readonly failureLog: FailureLog;
  readonly deadline: Deadline;
  readonly worker: Pick<WorkerRecord, "queues" | "handles" | "concurrency"> & {
    readonly name: string | undefined;
  };
}

const OPERATION = "register with the engine";
/** Milliseconds that a stop waits for the engine to forget the worker. */
const UNREGISTER_TIMEOUT = 1_000;

/** The worker's entry in the engine's list of workers. Its beats, which keep it there, go with the maintenance. */
export class Registration {
  readonly #parts: RegistrationParts;
  readonly #record: Omit<WorkerRecord, "uptime">;
  readonly #startedAt: number;
  #isQuiet = false;
  #isStopped = false;

  constructor(parts: RegistrationParts) {
    this.#parts = parts;
    const { name, ...worker } = parts.worker;
    const [host, process] = [hostName(), processId()];
    this.#record = {
      ...worker,
      id: randomSource().randomUUID(),
      name: name ?? `${host}:${process}`,
      host,
      process,
      version: VERSION,
    };
    this.#startedAt = monotonicNow(parts.clock);
  }

  /** From now on the beats tell that the worker claims nothing more. */
  quiet(): void {
    this.#isQuiet = true;
  }

  /** What the worker runs now. */
  beat(): WorkerBeat | undefined {
    const { workers, clock, pool } = this.#parts;
    if (!workers || this.#isStopped) return undefined;
    const now = monotonicNow(clock);
    const longest = [...pool.runningAttempts].slice(0, MAX_BEAT_ATTEMPTS);
    return {
      id: this.#record.id,
      running: pool.running,
      attempts: longest.map(({ job, startedAt }) => ({ id: job.id, duration: now - startedAt })),
      ...(this.#isQuiet && { quiet: true }),
    };
  }

  /** Never rejects: after a failure, the next beat finds the worker unregistered. */
  async register(): Promise<void> {
    const { workers, clock, deadline, failureLog } = this.#parts;
    if (!workers || this.#isStopped) return;
    const uptime = monotonicNow(clock) - this.#startedAt;
    try {
      await deadline.limit(workers.register({ ...this.#record, uptime }), ENGINE_TIMEOUT);
      failureLog.succeeded(OPERATION);
    } catch (error) {
      if (!this.#isStopped) failureLog.failed(OPERATION, error);
    }
  }

  /** Never rejects: without beats, the engine forgets the worker by itself. */
  async unregister(): Promise<void> {
    const { workers, clock, failureLog } = this.#parts;
    this.#isStopped = true;
    if (!workers || !failureLog.hasAnswered) return;
    await fulfillsWithin(workers.unregister(this.#record.id), UNREGISTER_TIMEOUT, clock).catch(() => false);
  }
}
