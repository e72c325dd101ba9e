import { formatDuration } from "../contract/duration.ts";
import type { Message } from "../contract/message.ts";
import { parseOptions } from "../contract/options.ts";
import { isQueueError, QueueError } from "../errors/queue-error.ts";
import { type Logger, safeLogger } from "../logging/logger.ts";
import type { Handler, Handlers } from "../middleware/handler-context.ts";
import { knownMessage } from "../queue/known-message.ts";
import { assertKnownQueue } from "../queue/known-queue.ts";
import type { Queue } from "../queue/queue.ts";
import type { HandlerEntry } from "./attempt/handler-entry.ts";
import { listenForSignals } from "./stop-signals.ts";
import {
  type ResolvedWorkerOptions,
  type StopOptions,
  stopSchema,
  type WorkerOptions,
  workerOptionsSchema,
} from "./worker-options.ts";
import { WorkerRuntime } from "./worker-runtime.ts";

export type WorkerState = "new" | "running" | "stopping" | "stopped";

/** A worker at a glance. Counts since its start. */
export interface WorkerStats {
  readonly state: WorkerState;
  /** Handlers that run now. */
  readonly running: number;
  /** Jobs claimed and not begun. */
  readonly buffered: number;
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
  readonly cancelled: number;
  /** Given back without having counted as an attempt. */
  readonly released: number;
  /** Leases lost; what these attempts did was refused. */
  readonly lost: number;
  /** When the engine last answered a claim: the sign of life of a healthy worker. */
  readonly lastClaimAt?: Date;
}

/**
 * Claims jobs and runs their handlers. Made by `createWorker`.
 *
 * `Handled` are the names of the messages that have a handler already.
 */
export class Worker<M extends Message = Message, Handled extends string = never> {
  readonly #queue: Queue<M>;
  readonly #options: ResolvedWorkerOptions;
  readonly #logger: Logger;
  readonly #handlers = new Map<string, HandlerEntry>();
  #state: WorkerState = "new";
  #runtime: WorkerRuntime | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #stopListeners: (() => void)[] = [];

  /** @internal */
  constructor(queue: Queue<M>, options: WorkerOptions) {
    if (typeof queue?.runtime !== "object") {
      throw new QueueError(
        "INVALID_OPTIONS",
        "createWorker: expected a queue (createQueue) as the first argument; options are the second.",
      );
    }
    this.#queue = queue;
    this.#options = parseOptions("createWorker", workerOptionsSchema, options);
    const { logger } = this.#options;
    this.#logger = logger ? safeLogger(logger) : queue.runtime.logger;
  }

  /**
   * Says who does a message's jobs.
   *
   * @throws {QueueError} `INVALID_OPTIONS` when it has a handler already or the worker was started,
   * `UNKNOWN_MESSAGE`.
   *
   * @example
   * worker.handle(planCreate, async ({ data, signal }) => {
   *   await savePlan(data, { signal });
   *   return { planId: data.planId };
   * });
   */
  handle<T extends M>(message: T, handler: Handler<T>): Worker<M, Handled | T["name"]> {
    this.#add(knownMessage("handle", this.#queue.registry, message).name, handler as unknown as Handler);
    return this as unknown as Worker<M, Handled | T["name"]>;
  }

  /**
   * Says who does every message that has no handler yet. One that is left out is a compile error.
   *
   * @throws {QueueError} as `handle`, and `INVALID_OPTIONS` naming the messages left out.
   *
   * @example
   * worker.handleAll({
   *   WORKOUT_PLAN_CREATE: async ({ data }) => ({ planId: data.planId }),
   *   WORKOUT_PHASE_CREATE: async ({ data }) => savePhase(data),
   * });
   */
  handleAll(handlers: Handlers<Exclude<M, { readonly name: Handled }>>): Worker<M, M["name"]> {
    if (typeof handlers !== "object" || handlers === null) {
      throw new QueueError("INVALID_OPTIONS", "handleAll: expected an object of handlers by message name.");
    }
    for (const [name, handler] of Object.entries(handlers)) this.#add(name, handler as Handler);
    const missing = this.#queue.registry.messages.filter(({ name }) => !this.#handlers.has(name));
    if (missing.length > 0) {
      throw new QueueError(
        "INVALID_OPTIONS",
        `handleAll: no handler for ${missing.map(({ name }) => name).join(", ")}.`,
      );
    }
    return this as unknown as Worker<M, M["name"]>;
  }

  /**
   * Begins to claim and run jobs. Does nothing when it runs already. Resolves once the engine has answered. An engine
   * that is away doesn't stop it: the worker logs that, and goes on trying.
   *
   * @throws {QueueError} `INVALID_OPTIONS` without handlers, and for a queue that neither the registry nor the engine
   * knows; `CLOSED` once stopped, and when the engine is closed; `ENGINE_MISCONFIGURED` when the engine's server will
   * never do: a wrong password, an evicting policy, too old a version. Once that is mended it can be started again.
   */
  async start(): Promise<void> {
    if (this.#state === "running") return this.#starting;
    if (this.#state !== "new") {
      throw new QueueError("CLOSED", "The worker was stopped. Create a new one.");
    }
    if (this.#handlers.size === 0) {
      throw new QueueError("INVALID_OPTIONS", "The worker has no handlers. Add one with handle().");
    }
    const queues = this.#options.queues ?? this.#handledQueues();
    const foreign = queues.filter((queue) => !this.#queue.registry.queues.includes(queue));
    if (foreign.length > 0) {
      await this.#assertKnown(foreign);
      // Meanwhile it may have been started again, or stopped.
      if (this.#state !== "new") return this.start();
    }
    this.#state = "running";
    this.#starting = this.#start(queues);
    await this.#starting;
  }

  /**
   * Stops claiming, gives back what hasn't begun, and waits for running handlers. After `timeout` their
   * signals abort with `SHUTDOWN`; what is still running a second later is given back too. Then the queue's
   * services stop. Later calls wait for the first one.
   *
   * @throws {QueueError} `INVALID_OPTIONS`.
   */
  async stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(parseOptions("stop", stopSchema, options).timeout);
    await this.#stopping;
  }

  /**
   * Stops the worker, as `stop` does, when the process is told to end: by SIGTERM or SIGINT. A second signal ends the
   * process at once. Resolves once the worker has stopped, for whatever reason; then close what else is open.
   *
   * @throws {QueueError} `INVALID_OPTIONS`.
   *
   * @example
   * await worker.start();
   * await worker.stopOnSignals();
   * await queue.close();
   */
  async stopOnSignals(options: StopOptions = {}): Promise<void> {
    const { timeout } = parseOptions("stopOnSignals", stopSchema, options);
    if (this.#state === "stopped") return;
    const removeListeners = listenForSignals((signal) => {
      const { running } = this.stats();
      this.#logger.warn(
        `Got ${signal}. The worker claims nothing more and waits up to ${formatDuration(timeout)} for ${running} running ${running === 1 ? "job" : "jobs"}. ` +
          "A second signal ends the process at once.",
      );
      void this.stop({ timeout });
    });
    await new Promise<void>((resolve) => this.#stopListeners.push(resolve));
    removeListeners();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  stats(): WorkerStats {
    const { pool, loop, counters } = this.#runtime ?? {};
    return {
      state: this.#state,
      running: pool?.running ?? 0,
      buffered: pool?.buffered ?? 0,
      completed: counters?.completed ?? 0,
      failed: counters?.failed ?? 0,
      retried: counters?.retried ?? 0,
      cancelled: counters?.cancelled ?? 0,
      released: counters?.released ?? 0,
      lost: counters?.lost ?? 0,
      ...(loop?.lastClaim !== undefined && { lastClaimAt: new Date(loop.lastClaim) }),
    };
  }

  /** Resolves when nothing runs and every outcome has been told to the engine, and once the worker stopped. */
  async idle(): Promise<void> {
    await this.#runtime?.rest();
  }

  async #start(queues: readonly string[]): Promise<void> {
    this.#warnOfGaps(queues);
    const queue = this.#queue.runtime;
    const runtime = new WorkerRuntime({
      queue,
      host: { queue: this.#queue as unknown as Queue, engine: queue.engine, logger: this.#logger },
      options: this.#options,
      queues,
      handlers: this.#handlers,
      onClosed: () => void this.stop({ timeout: 0 }),
    });
    this.#runtime = runtime;
    try {
      await runtime.start();
    } catch (error) {
      await runtime.stop(0);
      if (this.#state === "running") {
        this.#runtime = undefined;
        this.#state = "new";
      }
      throw error;
    }
  }

  async #stop(timeout: number): Promise<void> {
    this.#state = "stopping";
    await this.#runtime?.stop(timeout);
    this.#state = "stopped";
    for (const listener of this.#stopListeners.splice(0)) listener();
  }

  /** By name: bundlers load a module more than once in a process. */
  #add(name: string, handler: Handler): void {
    if (this.#state !== "new") {
      throw new QueueError("INVALID_OPTIONS", "Handlers are added before the worker starts.");
    }
    const message = this.#queue.registry.get(name);
    if (!message) {
      throw new QueueError(
        "UNKNOWN_MESSAGE",
        `The message ${JSON.stringify(name)} isn't in the queue's registry.`,
      );
    }
    if (typeof handler !== "function") {
      throw new QueueError("INVALID_OPTIONS", `The handler of ${name} must be a function.`);
    }
    if (this.#handlers.has(name)) {
      throw new QueueError("INVALID_OPTIONS", `The message ${name} has a handler already.`);
    }
    this.#handlers.set(name, { message, handler });
  }

  #handledQueues(): readonly string[] {
    return [...new Set([...this.#handlers.values()].map(({ message }) => message.queue))];
  }

  /** Queues that no message belongs to now, where jobs of messages that moved may wait. */
  async #assertKnown(queues: readonly string[]): Promise<void> {
    const { engine, registry } = this.#queue.runtime;
    try {
      for (const queue of queues) await assertKnownQueue(queue, registry, engine);
    } catch (error) {
      // An engine that is away for now may know them.
      if (!isQueueError(error) || !error.retryable) throw error;
    }
  }

  #warnOfGaps(queues: readonly string[]): void {
    const unhandled = this.#queue.registry.messages.filter(
      ({ name, queue }) => queues.includes(queue) && !this.#handlers.has(name),
    );
    if (unhandled.length > 0) {
      this.#logger.warn(
        `This worker serves ${queues.join(", ")} without a handler for ${unhandled.map(({ name }) => name).join(", ")}. ` +
          "It will give those jobs back for another worker, and they fail if none takes them.",
      );
    }
    const unserved = [...this.#handlers.values()].filter(({ message }) => !queues.includes(message.queue));
    if (unserved.length > 0) {
      this.#logger.warn(
        `This worker handles ${unserved.map(({ message }) => message.name).join(", ")} but doesn't serve their queue.`,
      );
    }
  }
}

/**
 * Makes a worker for a queue. Add handlers, then `start` it.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const worker = createWorker(queue, { concurrency: 10 }).handle(planCreate, async ({ data }) => {
 *   await savePlan(data);
 *   return { planId: data.planId };
 * });
 * await worker.start();
 */
export function createWorker<M extends Message>(queue: Queue<M>, options: WorkerOptions = {}): Worker<M> {
  return new Worker(queue, options);
}
