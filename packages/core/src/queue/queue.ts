import type { JobResult, Message, SendData } from "../contract/message.ts";
import { parseOptions } from "../contract/options.ts";
import type { Registry } from "../contract/registry.ts";
import type { Engine, EngineFacet, SendFeatures } from "../engine/engine.ts";
import type { EngineEvent, Unsubscribe } from "../engine/events.ts";
import { facetOf } from "../engine/facet.ts";
import type { CancelOutcome, PromoteOutcome, RemoveOutcome, RetryOutcome } from "../engine/operate.ts";
import type { MetricsBucket } from "../engine/queues.ts";
import { QueueError } from "../errors/queue-error.ts";
import { consoleLogger, type Logger, safeLogger } from "../logging/logger.ts";
import { memoryEngine } from "../memory/index.ts";
import { type Middleware, MiddlewareChain } from "../middleware/middleware.ts";
import { type Clock, systemClock } from "../timing/clock.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";
import { reportDroppedJobs, warnOfEmbeddedInProduction } from "./embedded-engine.ts";
import { useEngine } from "./engine-use.ts";
import { EventHub } from "./events/event-hub.ts";
import { createEventFilter, type JobEvent, toJobEvent } from "./events/job-events.ts";
import { idOf, type JobReference } from "./job-reference.ts";
import { knownMessage } from "./known-message.ts";
import { assertKnownQueue } from "./known-queue.ts";
import { DEFAULT_CANCEL_REASON, type JobOutcome, Operations } from "./operate/operations.ts";
import {
  type CancelOptions,
  type CleanOptions,
  cancelSchema,
  cleanSchema,
  type ListOptions,
  listSchema,
  metricsSchema,
  type QueueOptions,
  queueOptionsSchema,
  type SubscribeOptions,
  subscribeSchema,
  useSchema,
  waitSchema,
} from "./queue-options.ts";
import { explain, type JobExplanation } from "./read/explain.ts";
import { readOutcome } from "./read/job-outcome.ts";
import { type JobSnapshot, toSnapshot } from "./read/job-snapshot.ts";
import { JobWaits, type WaitOptions } from "./read/job-waits.ts";
import { type QueueHealth, readHealth } from "./report/health.ts";
import { readStats, type Stats } from "./report/stats.ts";
import { assertValidChange } from "./send/changed-request.ts";
import { JobEncoder } from "./send/encode-job.ts";
import { EnqueueBatcher } from "./send/enqueue-batcher.ts";
import type { JobHandle } from "./send/job-handle.ts";
import { createIdSource } from "./send/job-id.ts";
import type { Outbox } from "./send/outbox.ts";
import { encodeBatch, resolveBatch, type SendItem } from "./send/send-many.ts";
import {
  parseSendOptions,
  type SendManyCallOptions,
  type SendOptions,
  sendManyCallSchema,
} from "./send/send-options.ts";
import { type SendRequest, toSendRequest } from "./send/send-request.ts";
import { Sender } from "./send/sender.ts";
import { TransactionalSender } from "./send/transactional-sender.ts";

/** One page of jobs, newest first. Without a `cursor` it is the last. */
export interface JobList<M extends Message = Message> {
  readonly jobs: readonly JobSnapshot<M>[];
  readonly cursor?: string;
}

/** Longest that closing waits for the engine's answers to the last sends, and to the end of the events. */
const CLOSE_TIMEOUT = 5_000;
/** Longest that a wait lets a job's transaction commit, and the relay move it: some poll intervals. */
const OUTBOX_TIMEOUT = 60_000;

/** What a worker needs of its queue. */
export interface QueueRuntime {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly middleware: MiddlewareChain;
  readonly outbox: Outbox | undefined;
  readonly logger: Logger;
}

/**
 * Sends jobs and looks after them. Made by `createQueue`.
 *
 * Every method that talks to the engine may also throw `ENGINE_UNAVAILABLE` (worth a retry) and `CLOSED`.
 */
export class Queue<M extends Message = Message> {
  readonly registry: Registry<M>;
  readonly #engine: Engine;
  readonly #leaveEngine: () => boolean;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #encoder: JobEncoder;
  readonly #batcher: EnqueueBatcher;
  readonly #sender: Sender;
  readonly #hub: EventHub;
  readonly #waits: JobWaits;
  readonly #operations: Operations;
  readonly #middleware = new MiddlewareChain();
  readonly #outbox: Outbox | undefined;
  readonly #logger: Logger;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(options: QueueOptions<M>) {
    const { registry, engine, closeEngine, clock, middleware, outbox, logger } = parseOptions(
      "createQueue",
      queueOptionsSchema,
      options,
    );
    this.registry = registry as Registry<M>;
    this.#clock = clock ?? systemClock;
    this.#engine = engine ?? memoryEngine({ clock: this.#clock });
    this.#logger = logger ? safeLogger(logger) : consoleLogger;
    if (logger) this.#engine.logTo?.(this.#logger);
    if (!engine) warnOfEmbeddedInProduction(this.#logger);
    this.#newId = createIdSource(() => this.#clock.now());
    this.#outbox = outbox;
    this.#encoder = new JobEncoder(this.#engine);
    this.#batcher = new EnqueueBatcher(this.#engine);
    this.#sender = new Sender(
      this.#encoder,
      this.#batcher,
      new TransactionalSender(outbox, (id, options) => this.#wait(id, options, OUTBOX_TIMEOUT)),
      (id, options) => this.#wait(id, options),
    );
    this.#hub = new EventHub(this.#engine, this.#logger);
    this.#waits = new JobWaits(this.#engine, this.#clock, this.#hub, this.#logger);
    this.#operations = new Operations(this.#engine);
    for (const item of middleware) this.#middleware.add(item);
    this.#leaveEngine = useEngine(this.#engine, closeEngine);
  }

  /** What a send may ask of the engine behind this queue. */
  get features(): SendFeatures {
    return this.#engine.features;
  }

  /** @internal */
  get runtime(): QueueRuntime {
    return {
      engine: this.#engine,
      registry: this.registry,
      clock: this.#clock,
      middleware: this.#middleware,
      outbox: this.#outbox,
      logger: this.#logger,
    };
  }

  /**
   * Sends one job. Resolves once the engine has stored it; sends of one event-loop turn share round trips.
   * With `tx` it resolves once the outbox has stored it in that transaction.
   *
   * @throws {QueueError} `INVALID_DATA`, `PAYLOAD_TOO_LARGE`, `INVALID_OPTIONS`, `UNKNOWN_MESSAGE`,
   * `DEPENDENCY_NOT_FOUND`, `DEPENDENCY_CYCLE`, `UNSUPPORTED_BY_ENGINE`.
   *
   * @example
   * const plan = await queue.send(planCreate, { planId, name: "Strength" }, { userId });
   * await queue.send(phaseCreate, { planId, index: 1 }, { dependsOn: [plan] });
   */
  send<T extends M>(message: T, data: SendData<T>, options?: SendOptions): Promise<JobHandle<T>> {
    try {
      this.#assertOpen();
      const request = toSendRequest(
        this.#known("send", message),
        data,
        parseSendOptions(options),
        this.#newId,
        this.#clock.now(),
      );
      if (!this.#middleware.hasSend) return this.#sender.send(request) as Promise<JobHandle<T>>;
      const sent = this.#middleware.send([request], async ([last]) => {
        assertValidChange(request, last!);
        return [await this.#sender.send(last!)];
      });
      return sent.then(([handle]) => handle as JobHandle<T>);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends up to 10,000 jobs with up to 10,000 dependencies in all, all or none. Items may depend on each other by `ref`, in any order. Answers
   * their handles in the order given. With `tx` they are all stored in that transaction.
   *
   * @throws {QueueError} as `send`, with the problems of every item, their paths beginning with its index.
   *
   * @example
   * const [plan, phase] = await queue.sendMany([
   *   { ref: "plan", message: planCreate, data: { planId, name: "Strength" } },
   *   { message: phaseCreate, data: { planId, index: 1 }, options: { dependsOn: [{ ref: "plan" }] } },
   * ]);
   */
  async sendMany<const T extends readonly M[]>(
    items: readonly [...{ [Index in keyof T]: SendItem<T[Index]> }],
    options: SendManyCallOptions = {},
  ): Promise<{ readonly [Index in keyof T]: JobHandle<T[Index]> }> {
    this.#assertOpen();
    const { tx } = parseOptions("sendMany", sendManyCallSchema, options);
    const { requests, naming } = await resolveBatch(items as readonly SendItem[], {
      resolve: (message) => this.#known("sendMany", message),
      newId: this.#newId,
      encoder: this.#encoder,
      sentAt: this.#clock.now(),
      tx,
    });
    const store = async (final: readonly SendRequest[]) =>
      this.#sender.store(final, await encodeBatch(final, requests, this.#encoder), naming);
    const handles =
      requests.length === 0
        ? []
        : await (this.#middleware.hasSend ? this.#middleware.send(requests, store) : store(requests));
    return handles as { readonly [Index in keyof T]: JobHandle<T[Index]> };
  }

  /** The job as it is now, or `null` when none is stored under that id. */
  async get<T extends M = M>(job: JobHandle<T> | JobReference): Promise<JobSnapshot<T> | null> {
    this.#assertOffered("inspect");
    const [record] = await facetOf(this.#engine, "inspect").get([idOf(job)]);
    return record ? ((await toSnapshot(record, this.registry)) as JobSnapshot<T>) : null;
  }

  /**
   * Resolves with the job's result when it completes, also when it had already. Of a job that retention has removed
   * since, the engine remembers for a while how it ended: it resolves with `undefined` if the message has no result.
   *
   * @throws {QueueError} `JOB_FAILED` or `JOB_CANCELLED` with the job's error as `cause` while it is kept,
   * `RESULT_NOT_KEPT` when the job completed and its result is gone, `WAIT_TIMEOUT`, `JOB_NOT_FOUND`,
   * `INVALID_RESULT`, `CLOSED`.
   *
   * @example
   * const { planId } = await queue.wait(plan, { timeout: "30s" });
   */
  wait<T extends M>(job: JobHandle<T>, options?: WaitOptions): Promise<JobResult<T>>;
  wait(job: JobReference, options?: WaitOptions): Promise<unknown>;
  wait(job: JobReference, options?: WaitOptions): Promise<unknown> {
    return this.#wait(job, options);
  }

  /**
   * Cancels a job that hasn't ended. `"cancelled"`: at once, it wasn't running. `"cancelling"`: its handler
   * is told by its signal; it ends as `cancelled` if the handler then throws, `completed` if it returns.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE` when it has ended.
   */
  async cancel(job: JobReference, options: CancelOptions = {}): Promise<"cancelled" | "cancelling"> {
    this.#assertOffered("operate");
    return this.#operations.cancel(job, this.#reason("cancel", options));
  }

  /** Cancels up to 10,000 jobs and tells each one's outcome, in their order. */
  async cancelMany(
    jobs: readonly JobReference[],
    options: CancelOptions = {},
  ): Promise<readonly JobOutcome<CancelOutcome>[]> {
    this.#assertOffered("operate");
    return this.#operations.cancelMany(jobs, this.#reason("cancelMany", options));
  }

  /**
   * Runs a failed or cancelled job again, with all its attempts.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE`.
   */
  async retry(job: JobReference): Promise<void> {
    this.#assertOffered("operate");
    return this.#operations.retry(job);
  }

  /** Retries up to 10,000 jobs and tells each one's outcome. */
  async retryMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RetryOutcome>[]> {
    this.#assertOffered("operate");
    return this.#operations.retryMany(jobs);
  }

  /**
   * Deletes a job that isn't running. What waits for it is decided as if it had been cancelled.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE` while it runs.
   */
  async remove(job: JobReference): Promise<void> {
    this.#assertOffered("operate");
    return this.#operations.remove(job);
  }

  /** Removes up to 10,000 jobs and tells each one's outcome. */
  async removeMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RemoveOutcome>[]> {
    this.#assertOffered("operate");
    return this.#operations.removeMany(jobs);
  }

  /**
   * Makes a scheduled job due now.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_STATE`.
   */
  async promote(job: JobReference): Promise<void> {
    this.#assertOffered("operate");
    return this.#operations.promote(job);
  }

  /** Promotes up to 10,000 jobs and tells each one's outcome. */
  async promoteMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<PromoteOutcome>[]> {
    this.#assertOffered("operate");
    return this.#operations.promoteMany(jobs);
  }

  /**
   * Why a job is in its state and what it waits for, in data and in sentences.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`.
   */
  async explain(job: JobReference): Promise<JobExplanation> {
    this.#assertOffered("inspect");
    const id = idOf(job);
    return explain(this.#engine, id, this.#clock.now());
  }

  /** Jobs, newest first. A page may be short before the last. */
  async list<T extends M = M>(options: ListOptions<T> = {}): Promise<JobList<T>> {
    this.#assertOffered("inspect");
    const { state, queue, message, limit, cursor } = parseOptions("list", listSchema, options);
    if (queue !== undefined) await assertKnownQueue(queue, this.registry, this.#engine);
    const page = await facetOf(this.#engine, "inspect").list({
      limit,
      ...(state !== undefined && { states: [state].flat() }),
      ...(queue !== undefined && { queue }),
      ...(message !== undefined && { messageType: typeof message === "string" ? message : message.name }),
      ...(cursor !== undefined && { cursor }),
    });
    const jobs = await Promise.all(page.jobs.map((record) => toSnapshot(record, this.registry)));
    return {
      jobs: jobs as JobSnapshot<T>[],
      ...(page.cursor !== undefined && { cursor: page.cursor }),
    };
  }

  /** Jobs by queue and state, and what happened in the last five minutes. */
  async stats(): Promise<Stats> {
    this.#assertOpen();
    return readStats(this.#engine, this.registry, this.#clock);
  }

  /** Whether all is well, and if not, what to do. Judged by `HEALTH_THRESHOLDS`. Never rejects. */
  async health(): Promise<QueueHealth> {
    return readHealth(this.#engine, this.registry, this.#clock);
  }

  /** Counts and duration histograms by queue and minute, oldest first, from the instant `since` on. */
  async metrics(options: { readonly since: Date | number }): Promise<readonly MetricsBucket[]> {
    this.#assertOpen();
    const { since } = parseOptions("metrics", metricsSchema, options);
    return facetOf(this.#engine, "queues").metrics({ since: Number(since) });
  }

  /**
   * Stops a queue from handing out jobs. It goes on accepting them, and running ones finish. Workers that hold jobs
   * of it unrun give them back within 250 ms; until then some of those may still start.
   *
   * @throws {QueueError} `INVALID_OPTIONS` for a queue that no message belongs to.
   */
  async pause(queue: string): Promise<void> {
    this.#assertOpen();
    await assertKnownQueue(queue, this.registry, this.#engine);
    return facetOf(this.#engine, "queues").pause(queue);
  }

  /** Undoes `pause`. */
  async resume(queue: string): Promise<void> {
    this.#assertOpen();
    await assertKnownQueue(queue, this.registry, this.#engine);
    return facetOf(this.#engine, "queues").resume(queue);
  }

  /**
   * Removes finished jobs, oldest first, and answers how many.
   *
   * @example
   * while ((await queue.clean({ state: "completed", olderThan: "1d" })) > 0);
   */
  async clean(options: CleanOptions): Promise<number> {
    this.#assertOpen();
    const { queue, ...request } = parseOptions("clean", cleanSchema, options);
    if (queue !== undefined) await assertKnownQueue(queue, this.registry, this.#engine);
    return facetOf(this.#engine, "operate").clean({ ...request, ...(queue !== undefined && { queue }) });
  }

  /**
   * Calls `listener` for what happens to jobs from now on. Resolves once it hears everything, with the
   * function that ends it. A subscription that was lost comes back by itself: then `onGap` is called, since events
   * were missed. Read again what they would have told.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, also for a queue that no message belongs to.
   *
   * @example
   * const stop = await queue.subscribe((event) => console.log(event.id, event.type), { type: "failed" });
   */
  async subscribe(
    listener: (event: JobEvent<M>) => void,
    options: SubscribeOptions = {},
  ): Promise<Unsubscribe> {
    this.#assertOpen();
    if (typeof listener !== "function") {
      throw new QueueError("INVALID_OPTIONS", "subscribe: expected a function as the first argument.");
    }
    const { onGap, ...filter } = parseOptions("subscribe", subscribeSchema, options);
    if (filter.queue !== undefined) await assertKnownQueue(filter.queue, this.registry, this.#engine);
    this.#assertOpen();
    const isWanted = createEventFilter(filter);
    const subscriber = {
      onEvent: (event: EngineEvent) => {
        // What an asynchronous listener returns is watched for its rejection.
        return isWanted(event) ? listener(toJobEvent(event) as JobEvent<M>) : undefined;
      },
      ...(onGap && { onGap }),
    };
    await this.#hub.add(subscriber);
    return () => this.#hub.remove(subscriber);
  }

  /**
   * Adds middleware inside of what was added before. It applies to sends and attempts from now on.
   *
   * @throws {QueueError} `INVALID_OPTIONS`.
   */
  use(middleware: Middleware): this {
    this.#middleware.add(parseOptions("use", useSchema, { middleware }).middleware);
    return this;
  }

  /**
   * Sends what is still waiting, ends waits and subscriptions, and closes the engine if no other open queue uses it
   * (see `closeEngine`). Stop the workers first. Safe to call twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #wait(job: JobReference, options: WaitOptions = {}, patience = 0): Promise<unknown> {
    this.#assertOffered("inspect");
    const limits = parseOptions("wait", waitSchema, options);
    return readOutcome(await this.#waits.wait(idOf(job), { ...limits, patience }), this.registry);
  }

  async #close(): Promise<void> {
    this.#waits.close();
    const isDrained = await fulfillsWithin(this.#batcher.drain(), CLOSE_TIMEOUT, this.#clock);
    if (!isDrained) this.#batcher.giveUp();
    await fulfillsWithin(this.#hub.close(), CLOSE_TIMEOUT, this.#clock).catch(() => undefined);
    if (!this.#leaveEngine()) return;
    await reportDroppedJobs(this.#engine, this.#logger);
    await this.#engine.core.close();
  }

  #known(what: string, message: Message): Message {
    return knownMessage(what, this.registry as unknown as Registry, message);
  }

  #reason(what: string, options: CancelOptions): string {
    return parseOptions(what, cancelSchema, options).reason ?? DEFAULT_CANCEL_REASON;
  }

  #assertOffered(facet: EngineFacet): void {
    this.#assertOpen();
    facetOf(this.#engine, facet);
  }

  #assertOpen(): void {
    if (this.#closing) throw new QueueError("CLOSED", "The queue is closed.");
  }
}

/**
 * Opens a queue over an engine; without one, over a new `memoryEngine()` inside this process.
 *
 * @throws {QueueError} `INVALID_OPTIONS`; `UNSUPPORTED_RUNTIME` before Node 20.9.
 *
 * @example
 * const queue = createQueue({ registry: createRegistry([planCreate, phaseCreate]) });
 * const plan = await queue.send(planCreate, { planId, name: "Strength" });
 */
export function createQueue<M extends Message>(options: QueueOptions<M>): Queue<M> {
  return new Queue(options);
}
