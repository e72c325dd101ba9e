/// <reference lib="esnext.disposable" preserve="true" />
import * as z from "zod/mini";
import type { JobResult, Message } from "../contract/message.ts";
import { parseOptions } from "../contract/options.ts";
import type { Registry } from "../contract/registry.ts";
import type { JobState } from "../engine/state-machine.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import { memoryEngine } from "../memory/index.ts";
import type { Handler, Handlers } from "../middleware/handler-context.ts";
import type { Middleware } from "../middleware/middleware.ts";
import type { JobReference } from "../queue/job-reference.ts";
import { createQueue, type Queue } from "../queue/queue.ts";
import type { JobSnapshot } from "../queue/read/job-snapshot.ts";
import type { WaitOptions } from "../queue/read/job-waits.ts";
import type { JobHandle } from "../queue/send/job-handle.ts";
import type { Outbox } from "../queue/send/outbox.ts";
import { createWorker, type Worker } from "../worker/worker.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";
import { type DrainOptions, type DrainParts, drain, drainUntilEnded } from "./drain.ts";
import { FakeClock } from "./fake-clock.ts";
import { TestOutbox, type TestTransaction } from "./test-outbox.ts";
import { type WaitForOptions, waitFor } from "./wait-for.ts";

/** What `createTestQueue` takes. */
export interface TestQueueOptions<M extends Message = Message> {
  readonly registry: Registry<M>;
  /** Handlers by message name, for the messages that the test needs. If there are any, a worker starts. @default {} */
  readonly handlers?: Partial<Handlers<M>> | undefined;
  /** @default a new FakeClock */
  readonly clock?: FakeClock | undefined;
  /** @default [] */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Overrides of the worker's options. @default {} */
  readonly worker?: WorkerOptions | undefined;
  /** The outbox for sends with a `tx`. @default one for the transactions of `transaction` */
  readonly outbox?: Outbox | undefined;
}

/** A queue and the helpers that a test needs. */
export interface TestQueue<M extends Message = Message> {
  readonly queue: Queue<M>;
  readonly worker: Worker<M, M["name"]>;
  readonly clock: FakeClock;
  /**
   * Runs all jobs, and advances the clock over delays and backoffs, until every job has ended or is held by a policy.
   *
   * @throws {QueueError} `INVALID_STATE`, with what is left and why, if jobs never finish.
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Runs jobs and advances the clock, like `drain`, until this job has ended, and resolves with its result. `timeout`
   * is on the fake clock. `wait` of a queue or job handle uses that clock too, but doesn't advance it.
   *
   * @throws {QueueError} whatever `queue.wait` throws; without a `timeout` also `INVALID_STATE`, with the reason, if
   * the job will never end.
   */
  wait<T extends M>(job: JobHandle<T>, options?: WaitOptions): Promise<JobResult<T>>;
  wait(job: JobReference, options?: WaitOptions): Promise<unknown>;
  /**
   * Runs `work` in a fake database transaction. Its sends with `tx` are stored when it resolves, and dropped when it
   * rejects.
   *
   * @throws {QueueError} `DEPENDENCY_NOT_FOUND` if a job can't be stored (the others are), `INVALID_OPTIONS` if
   * createTestQueue was given another outbox. Also whatever `work` throws.
   *
   * @example
   * await test.transaction((tx) => queue.send(planCreate, data, { tx }));
   */
  transaction<T>(work: (tx: TestTransaction) => T | Promise<T>): Promise<T>;
  /** Resolves with the job once it has reached a state. See `waitFor`. */
  waitFor<T extends M = M>(
    job: JobHandle<T> | JobReference,
    state: JobState,
    options?: WaitForOptions,
  ): Promise<JobSnapshot<T>>;
  /** Stops the worker and closes the queue, without waiting for handlers. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** On a stopped clock, polls find nothing new. Long intervals keep long delays cheap. */
const IDLE_INTERVALS = { pollInterval: "1m", maintenanceInterval: "10s" } as const;

const optionsSchema = z.strictObject({
  registry: z.unknown(),
  handlers: z.optional(
    z.custom((value) => typeof value === "object" && value !== null, "expected handlers by message"),
  ),
  clock: z.optional(z.custom((value) => value instanceof FakeClock, "expected a FakeClock")),
  middleware: z.optional(z.unknown()),
  worker: z.optional(z.unknown()),
  outbox: z.optional(z.unknown()),
});

/**
 * Creates a queue on its own memory engine and a fake clock, with a worker for the given handlers.
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
  parseOptions("createTestQueue", optionsSchema, options);
  const { registry, handlers = {}, clock = new FakeClock(), middleware = [] } = options;
  const { worker: workerOptions = {} } = options;
  const engine = memoryEngine({ clock });
  const testOutbox = new TestOutbox(engine);
  const { outbox = testOutbox } = options;
  // Tests expect warnings about unhandled messages and unfinished jobs.
  const logger: Logger = { warn: () => {}, error: console.error };
  const queue = createQueue({ registry, engine, clock, middleware, logger, outbox });
  const worker = createWorker(queue, {
    ...IDLE_INTERVALS,
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
    // Advances the clock over the grace period of a hanging handler, since nobody else does.
    while (worker.stats().state !== "stopped") await clock.advance(1_000);
    await stopping;
    await queue.close();
  };
  const transaction: TestQueue<M>["transaction"] = async (work) => {
    if (outbox === testOutbox) return testOutbox.transaction(work);
    throw new QueueError(
      "INVALID_OPTIONS",
      "`transaction` needs the default outbox, but createTestQueue was given one. Send with a transaction of that outbox.",
    );
  };
  const served = workerOptions.queues ?? given.map(([name]) => registry.get(name)!.queue);
  const parts = { queue, worker, clock, served } as unknown as DrainParts;
  return Object.freeze<TestQueue<M>>({
    queue,
    worker: worker as unknown as Worker<M, M["name"]>,
    clock,
    drain: (drainOptions) => drain(parts, drainOptions),
    // biome-ignore lint/suspicious/noExplicitAny: typed by the interface, per message
    wait: (job: JobReference, waitOptions?: WaitOptions): Promise<any> =>
      drainUntilEnded(parts, job, waitOptions),
    transaction,
    waitFor: (job, state, waitOptions) => waitFor(queue, job, state, waitOptions),
    close,
    [Symbol.asyncDispose]: close,
  });
}
