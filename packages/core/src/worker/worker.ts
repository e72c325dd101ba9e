/// <reference lib="esnext.disposable" preserve="true" />
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
import { UnhandledCheck } from "./unhandled-check.ts";
import {
  type ResolvedWorkerOptions,
  type StopOptions,
  type StopReport,
  stopSchema,
  type WorkerOptions,
  workerOptionsSchema,
} from "./worker-options.ts";
import { WorkerRuntime } from "./worker-runtime.ts";

/** `quiet`: claims nothing more, and finishes what runs. */
export type WorkerState = "new" | "running" | "quiet" | "stopping" | "stopped";

/** The state of a worker, and counts since its start. */
export interface WorkerStats {
  readonly state: WorkerState;
  /** Handlers that are running. */
  readonly running: number;
  /** Jobs that are claimed and haven't started. */
  readonly buffered: number;
  readonly completed: number;
  readonly failed: number;
  readonly retried: number;
  readonly cancelled: number;
  /** Attempts that were released: they don't count as attempts of their jobs. */
  readonly released: number;
  /** Leases lost. The outcomes of these attempts were refused. */
  readonly lost: number;
  /** When the engine last answered a claim. A healthy worker claims at least every `pollInterval`. */
  readonly lastClaimAt?: Date;
}

/**
 * Claims jobs and runs their handlers. Created by `createWorker`.
 *
 * `Handled` is the union of the names of messages that have a handler.
 */
export class Worker<M extends Message = Message, Handled extends string = never> {
  readonly #queue: Queue<M>;
  readonly #options: ResolvedWorkerOptions;
  readonly #logger: Logger;
  readonly #handlers = new Map<string, HandlerEntry>();
  #state: WorkerState = "new";
  #runtime: WorkerRuntime | undefined;
  #unhandledCheck: UnhandledCheck | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;
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
   * Registers the handler for a message.
   *
   * @throws {QueueError} `INVALID_OPTIONS` when the message has a handler or the worker was started;
   * `UNKNOWN_MESSAGE` when the queue's registry doesn't have the message.
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
   * Registers handlers for all messages that have none yet. A missing handler is a compile error.
   *
   * @throws {QueueError} The errors of `handle`, and `INVALID_OPTIONS` with the names of missing messages.
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
   * Starts claiming and running jobs. Resolves once the engine has answered. Does nothing if the worker is running. If
   * the engine is unavailable, it resolves too: the worker logs that once and keeps trying.
   *
   * @throws {QueueError} `INVALID_OPTIONS` without handlers, and for a queue that neither the registry nor the engine
   * knows. `CLOSED` when the worker was stopped or the engine is closed. `ENGINE_MISCONFIGURED` when the engine's
   * server can't be used: a wrong password, an evicting policy, an old version. Fix that and call `start` again.
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
      // Another call may have started or stopped the worker meanwhile.
      if (this.#state !== "new") return this.start();
    }
    this.#state = "running";
    this.#starting = this.#start(queues);
    await this.#starting;
  }

  /**
   * Stops claiming and releases jobs that haven't started. Running handlers finish, and the worker waits for `stop`: for
   * a process that is going to be stopped, and shouldn't begin anything new. Does nothing if the worker isn't running.
   *
   * @example
   * process.on("SIGTSTP", () => worker.quiet());
   */
  quiet(): void {
    if (this.#state !== "running") return;
    this.#state = "quiet";
    this.#unhandledCheck?.stop();
    this.#runtime?.quiet();
  }

  /**
   * Stops claiming, releases jobs that haven't started, and waits for running handlers. After `timeout` their signals
   * abort with `SHUTDOWN`, and jobs that still run a second later are released too. Then the services of the queue's
   * middleware stop. Later calls wait for the first one. Resolves with what the worker leaves behind.
   *
   * @throws {QueueError} `INVALID_OPTIONS`.
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    this.#stopping ??= this.#stop(parseOptions("stop", stopSchema, options).timeout);
    return this.#stopping;
  }

  /**
   * Calls `stop` on SIGTERM and SIGINT. A second signal ends the process at once. Resolves once the worker has stopped,
   * for whatever reason: close the queue and other resources then.
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
        `Got ${signal}. The worker stops claiming and waits up to ${formatDuration(timeout)} for ${running} running ${running === 1 ? "job" : "jobs"}. ` +
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

  /** Resolves when no job runs or waits in the worker and the engine knows all outcomes, and once the worker stopped. */
  async idle(): Promise<void> {
    await this.#runtime?.rest();
  }

  async #start(queues: readonly string[]): Promise<void> {
    this.#warnOfUnserved(queues);
    const queue = this.#queue.runtime;
    const unhandledCheck = new UnhandledCheck({
      engine: queue.engine,
      clock: queue.clock,
      logger: this.#logger,
      queues,
      unhandled: queue.registry.messages.filter(
        (message) => queues.includes(message.queue) && !this.#handlers.has(message.name),
      ),
    });
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
      if (this.#state !== "running") return;
      this.#unhandledCheck = unhandledCheck;
      unhandledCheck.start();
    } catch (error) {
      await runtime.stop(0);
      if (this.#state === "running") {
        this.#runtime = undefined;
        this.#state = "new";
      }
      throw error;
    }
  }

  async #stop(timeout: number): Promise<StopReport> {
    this.#state = "stopping";
    this.#unhandledCheck?.stop();
    const unsettled = (await this.#runtime?.stop(timeout)) ?? [];
    this.#state = "stopped";
    for (const listener of this.#stopListeners.splice(0)) listener();
    return { unsettled };
  }

  /** Finds the message by name: bundlers may load a module more than once in a process. */
  #add(name: string, handler: Handler): void {
    if (this.#state !== "new") {
      throw new QueueError("INVALID_OPTIONS", "The worker was started. Add handlers before that.");
    }
    const message = this.#queue.registry.get(name);
    if (!message) {
      throw new QueueError(
        "UNKNOWN_MESSAGE",
        `The message ${JSON.stringify(name)} isn't in the queue's registry. Add it to createRegistry.`,
      );
    }
    if (typeof handler !== "function") {
      throw new QueueError("INVALID_OPTIONS", `The handler of ${name} must be a function.`);
    }
    if (this.#handlers.has(name)) {
      throw new QueueError("INVALID_OPTIONS", `The message ${name} has a handler. Register only one.`);
    }
    this.#handlers.set(name, { message, handler });
  }

  #handledQueues(): readonly string[] {
    return [...new Set([...this.#handlers.values()].map(({ message }) => message.queue))];
  }

  /** For queues that no message belongs to: jobs of messages that moved may wait there. */
  async #assertKnown(queues: readonly string[]): Promise<void> {
    const { engine, registry } = this.#queue.runtime;
    try {
      for (const queue of queues) await assertKnownQueue(queue, { registry, engine });
    } catch (error) {
      // An engine that is unavailable may know them.
      if (!isQueueError(error) || !error.retryable) throw error;
    }
  }

  #warnOfUnserved(queues: readonly string[]): void {
    const unserved = [...this.#handlers.values()].filter(({ message }) => !queues.includes(message.queue));
    if (unserved.length > 0) {
      this.#logger.warn(
        `This worker handles ${unserved.map(({ message }) => message.name).join(", ")} but doesn't serve ${unserved.length === 1 ? "its queue. Add it" : "their queues. Add them"} to \`queues\`.`,
      );
    }
  }
}

/**
 * Creates a worker for a queue. Register handlers, then `start` it.
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
