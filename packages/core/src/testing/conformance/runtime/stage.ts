import assert from "node:assert/strict";
import type { Engine } from "../../../engine/engine.ts";
import type { JobState } from "../../../engine/state-machine.ts";
import { type ErrorCode, isQueueError, type QueueError } from "../../../errors/index.ts";
import type { Handler, Handlers } from "../../../middleware/handler-context.ts";
import type { JobReference } from "../../../queue/job-reference.ts";
import { createQueue, type Queue } from "../../../queue/queue.ts";
import type { JobSnapshot } from "../../../queue/read/job-snapshot.ts";
import { createWorker, type Worker } from "../../../worker/worker.ts";
import type { WorkerOptions } from "../../../worker/worker-options.ts";
import { waitFor } from "../../wait-for.ts";
import type { Scenario } from "../scenario.ts";
import { WORKER_LEASE } from "../timing.ts";
import { type StageMessage, stageRegistry } from "./messages.ts";

const SILENT = Object.freeze({ warn() {}, error() {} });

/** Short intervals, because cases wait for them on a server that doesn't push. */
const OPTIONS: WorkerOptions = Object.freeze({
  lease: WORKER_LEASE,
  pollInterval: 50,
  maintenanceInterval: 50,
  logger: SILENT,
});

/** Handlers for the messages that a case needs. */
export type StageHandlers = Partial<Handlers<StageMessage>>;

type StageWorker = Worker<StageMessage, string>;

/** A queue and workers on the engine under test. */
export class Stage {
  readonly on: Scenario;
  readonly queue: Queue<StageMessage>;
  readonly #workers: StageWorker[] = [];

  constructor(on: Scenario, engine: Engine = on.engine) {
    this.on = on;
    this.queue = createQueue({ registry: stageRegistry, engine, closeEngine: false, clock: on.clock });
  }

  /** Starts a worker. */
  async work(handlers: StageHandlers, options: WorkerOptions = {}): Promise<StageWorker> {
    const worker: StageWorker = createWorker(this.queue, { ...OPTIONS, ...options });
    for (const [name, handler] of Object.entries(handlers)) {
      worker.handle(stageRegistry.get(name)!, handler as unknown as Handler<StageMessage>);
    }
    this.#workers.push(worker);
    await worker.start();
    return worker;
  }

  /** Resolves once the job has reached a state. */
  reaches(job: JobReference, state: JobState) {
    return waitFor(this.queue, job, state);
  }

  /** Resolves with the job once it meets a condition. Checked on each event. */
  async until(job: JobReference, isWanted: (job: JobSnapshot) => boolean): Promise<JobSnapshot> {
    let look = () => {};
    const changed = () => new Promise<void>((resolve) => (look = resolve));
    const stop = await this.queue.subscribe(() => look(), { jobs: [job] });
    try {
      for (;;) {
        const change = changed();
        const snapshot = await this.queue.get(job);
        if (snapshot && isWanted(snapshot)) return snapshot;
        await change;
      }
    } finally {
      await stop();
    }
  }

  async state(job: JobReference): Promise<JobState | undefined> {
    return (await this.queue.get(job))?.state;
  }

  /** The error that a job ended with, as readers see it. */
  async failure(job: JobReference) {
    const snapshot = await this.reaches(job, "failed");
    assert(snapshot.error, "a failed job has an error");
    return { ...snapshot, error: snapshot.error };
  }

  /** Stops workers, even if handlers are running, and closes the queue. */
  async close(): Promise<void> {
    const stopping = this.#workers.map((worker) => worker.stop({ timeout: 0 }));
    while (this.#workers.some((worker) => worker.stats().state !== "stopped")) await this.on.elapse(200);
    await Promise.all(stopping);
    await this.queue.close();
  }
}

/** Runs a case on a stage and closes it. `engine` replaces the one under test, on the same jobs. */
export async function play(
  on: Scenario,
  scene: (stage: Stage) => Promise<void>,
  engine?: Engine,
): Promise<void> {
  const stage = new Stage(on, engine);
  try {
    await scene(stage);
  } finally {
    await stage.close();
  }
}

/** The typed error that a call rejects with. */
export async function rejection(promise: Promise<unknown>, code: ErrorCode): Promise<QueueError> {
  const error = await promise.then(
    () => assert.fail(`expected ${code}, and nothing was thrown`),
    (reason: unknown) => reason,
  );
  assert(isQueueError(error, code), `expected ${code}, got ${String(error)}`);
  return error;
}

/** A promise, and the function that resolves it. */
export function gate<T = void>(): { readonly passed: Promise<T>; readonly open: (value: T) => void } {
  let open!: (value: T) => void;
  const passed = new Promise<T>((resolve) => (open = resolve));
  return { passed, open };
}

/** Resolves when a signal aborts, with its reason. */
export function aborted(signal: AbortSignal): Promise<QueueError> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });
}
