import type { Message } from "../contract/message.ts";
import type { Registry } from "../contract/registry.ts";
import type { JobState } from "../engine/state-machine.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import { memoryEngine } from "../memory/index.ts";
import type { JobHandle } from "../queue/job-handle.ts";
import type { JobReference } from "../queue/job-reference.ts";
import type { JobSnapshot } from "../queue/job-snapshot.ts";
import type { Middleware } from "../queue/middleware.ts";
import { createQueue, type Queue } from "../queue/queue.ts";
import type { Handler, Handlers } from "../worker/handler.ts";
import { createWorker, type Worker } from "../worker/worker.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";
import { type DrainOptions, type DrainParts, drain } from "./drain.ts";
import { FakeClock } from "./fake-clock.ts";
import { type WaitForOptions, waitFor } from "./wait-for.ts";

/** What `createTestQueue` takes. */
export interface TestQueueOptions<M extends Message = Message> {
  readonly registry: Registry<M>;
  /** By message name, of as many messages as the test needs. With any, a worker is started. @default {} */
  readonly handlers?: Partial<Handlers<M>>;
  /** @default a new FakeClock */
  readonly clock?: FakeClock;
  /** @default [] */
  readonly middleware?: readonly Middleware[];
  /** Changes to the worker's options. @default {} */
  readonly worker?: WorkerOptions;
}

/** A queue with everything around it that a test needs. */
export interface TestQueue<M extends Message = Message> {
  readonly queue: Queue<M>;
  readonly worker: Worker<M, M["name"]>;
  readonly clock: FakeClock;
  /**
   * Runs everything there is to run, moving the clock over delays and backoffs, until all jobs have ended
   * or are held by a policy.
   *
   * @throws {QueueError} `INVALID_STATE` saying what is left and why, when it doesn't come to rest.
   */
  drain(options?: DrainOptions): Promise<void>;
  /** Resolves with the job once it is, or has been, in a state. See `waitFor`. */
  waitFor<T extends M = M>(
    job: JobHandle<T> | JobReference,
    state: JobState,
    options?: WaitForOptions,
  ): Promise<JobSnapshot<T>>;
  /** Stops the worker and closes the queue, without waiting for handlers. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** With time standing still, polls find nothing that wakes didn't tell; rare ones make long delays cheap. */
const RARE = "1m";

/**
 * A queue on its own memory engine under a clock that stands still, with a worker for the given handlers.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const { queue, drain } = await createTestQueue({
 *   registry,
 *   handlers: { WORKOUT_PLAN_CREATE: async ({ data }) => ({ planId: data.planId }) },
 * });
 * const plan = await queue.send(planCreate, data, { delay: "1h" });
 * await drain();
 * expect((await queue.get(plan))?.state).toBe("completed");
 */
export async function createTestQueue<M extends Message>(
  options: TestQueueOptions<M>,
): Promise<TestQueue<M>> {
  if (typeof options !== "object" || options === null) {
    throw new QueueError("INVALID_OPTIONS", "createTestQueue: expected { registry, handlers? }.");
  }
  const { registry, handlers = {}, clock = new FakeClock(), middleware = [] } = options;
  const { worker: workerOptions = {} } = options;
  const engine = memoryEngine({ clock });
  // That a test handles some of the messages, or closes over unfinished jobs, is no news to it.
  const logger: Logger = { warn: () => {}, error: console.error };
  const queue = createQueue({ registry, engine, clock, middleware, logger });
  const worker = createWorker(queue, {
    pollInterval: RARE,
    upkeepInterval: RARE,
    logger,
    ...workerOptions,
  });
  const given = Object.entries(handlers) as [string, Handler][];
  for (const [name, handler] of given) {
    worker.handle(registry.get(name) ?? ({ name } as M), handler as unknown as Handler<M>);
  }
  if (given.length > 0) await worker.start();

  const close = async () => {
    const stopping = worker.stop({ timeout: 0 });
    // A handler that hangs is given its grace, on a clock that nobody else advances any more.
    while (worker.stats().state !== "stopped") await clock.advance(1_000);
    await stopping;
    await queue.close();
  };
  const served = workerOptions.queues ?? given.map(([name]) => registry.get(name)!.queue);
  const parts = { queue, worker, clock, served } as unknown as DrainParts;
  return Object.freeze<TestQueue<M>>({
    queue,
    worker: worker as unknown as Worker<M, M["name"]>,
    clock,
    drain: (drainOptions) => drain(parts, drainOptions),
    waitFor: (job, state, waitOptions) => waitFor(queue, job, state, waitOptions),
    close,
    [Symbol.asyncDispose]: close,
  });
}
