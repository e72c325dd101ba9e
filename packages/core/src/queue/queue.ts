/// <reference lib="esnext.disposable" preserve="true" />
import type { JobResult, Message, SendData } from "../contract/message.ts";
import { parseOptions } from "../contract/options.ts";
import type { Registry } from "../contract/registry.ts";
import type { Engine, SendFeatures } from "../engine/engine.ts";
import type { Unsubscribe } from "../engine/events.ts";
import type { Finding } from "../engine/finding.ts";
import type { JobCount } from "../engine/inspect.ts";
import { consoleLogger, type Logger, safeLogger } from "../logging/logger.ts";
import { memoryEngine } from "../memory/index.ts";
import { type Middleware, MiddlewareChain } from "../middleware/middleware.ts";
import { type Clock, systemClock } from "../timing/clock.ts";
import { fulfillsWithin } from "../timing/with-timeout.ts";
import { reportDroppedJobs, warnOfEmbeddedInProduction } from "./embedded-engine.ts";
import { useEngine } from "./engine-use.ts";
import { EventHub } from "./events/event-hub.ts";
import type { JobEvent } from "./events/job-events.ts";
import { Subscriptions } from "./events/subscriptions.ts";
import type { JobReference } from "./job-reference.ts";
import { QueueOperator } from "./operate/queue-operator.ts";
import { QueueContext } from "./queue-context.ts";
import {
  type ListOptions,
  type MetricsOptions,
  type QueueOptions,
  queueOptionsSchema,
  type StatsOptions,
  type SubscribeOptions,
  type SummaryListOptions,
  useSchema,
} from "./queue-options.ts";
import type { JobExplanation } from "./read/explain.ts";
import {
  type FailureGroupList,
  type FailureGroupsOptions,
  forgetFailureGroups,
  readFailureGroups,
} from "./read/failure-groups.ts";
import type { JobFilterOptions } from "./read/job-filter.ts";
import { type GraphOptions, type JobGraph, readGraph } from "./read/job-graph.ts";
import { type JobList, JobReader, type JobSummaryList } from "./read/job-reader.ts";
import type { JobSnapshot } from "./read/job-snapshot.ts";
import { JobWaits, type WaitOptions } from "./read/job-waits.ts";
import type { MessageCoverage } from "./report/coverage.ts";
import type { QueueHealth } from "./report/health.ts";
import type { QueueMetrics } from "./report/metrics.ts";
import { QueueReports } from "./report/queue-reports.ts";
import type { Stats } from "./report/stats.ts";
import type { WorkerSnapshot } from "./report/workers.ts";
import type { JobHandle } from "./send/job-handle.ts";
import type { Outbox, OutboxBacklog } from "./send/outbox.ts";
import { Producer } from "./send/producer.ts";
import type { SendItem } from "./send/send-many.ts";
import type {
  ParseWireOptions,
  SendManyCallOptions,
  SendOptions,
  SendWireOptions,
} from "./send/send-options.ts";

/** Longest that closing waits for the engine's answers to the last sends, and to the end of the events. */
const CLOSE_TIMEOUT = 5_000;

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
 * Every method that talks to the engine may also throw `ENGINE_UNAVAILABLE` (worth a retry), `CLOSED`, and
 * `UNSUPPORTED_BY_ENGINE` where the engine doesn't have what it needs.
 */
export class Queue<M extends Message = Message> extends QueueOperator<M> {
  readonly registry: Registry<M>;
  readonly #context: QueueContext;
  readonly #middleware = new MiddlewareChain();
  readonly #outbox: Outbox | undefined;
  readonly #hub: EventHub;
  readonly #waits: JobWaits;
  readonly #producer: Producer;
  readonly #reader: JobReader;
  readonly #reports: QueueReports;
  readonly #subscriptions: Subscriptions;
  readonly #leaveEngine: () => boolean;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(options: QueueOptions<M>) {
    const parsed = parseOptions("createQueue", queueOptionsSchema, options);
    const { registry, clock = systemClock, outbox } = parsed;
    const engine = parsed.engine ?? memoryEngine({ clock });
    const logger = parsed.logger ? safeLogger(parsed.logger) : consoleLogger;
    if (parsed.logger) engine.logTo?.(logger);
    if (!parsed.engine) warnOfEmbeddedInProduction(logger);

    const context = new QueueContext({ engine, registry, clock, logger });
    super(context);
    for (const item of parsed.middleware) this.#middleware.add(item);
    this.registry = registry as Registry<M>;
    this.#context = context;
    this.#outbox = outbox;
    this.#hub = new EventHub(engine, logger);
    this.#waits = new JobWaits(engine, clock, this.#hub, logger);
    this.#reader = new JobReader(context, this.#waits);
    this.#producer = new Producer({
      context,
      middleware: this.#middleware,
      outbox,
      wait: (...args) => this.#reader.wait(...args),
    });
    this.#reports = new QueueReports(context);
    this.#subscriptions = new Subscriptions(context, this.#hub);
    this.#leaveEngine = useEngine(engine, parsed.closeEngine);
  }

  /** What a send may ask of the engine behind this queue. */
  get features(): SendFeatures {
    return this.#context.engine.features;
  }

  /** Whether its jobs live in this process only: no other process sees them, and they are lost when it is closed. */
  get isEmbedded(): boolean {
    return this.#context.engine.embedded ?? false;
  }

  /** @internal */
  get runtime(): QueueRuntime {
    const { engine, registry, clock, logger } = this.#context;
    return { engine, registry, clock, middleware: this.#middleware, outbox: this.#outbox, logger };
  }

  /**
   * Sends one job. Resolves once the engine has stored it. Sends that are made together share round trips, and so do
   * those of one event-loop turn while others are under way.
   * With `tx` it resolves once the outbox has stored it in that transaction.
   *
   * @throws {QueueError} `INVALID_DATA`, `PAYLOAD_TOO_LARGE`, `INVALID_OPTIONS`, `UNKNOWN_MESSAGE`, `ID_IN_USE`,
   * `DEPENDENCY_NOT_FOUND`, `DEPENDENCY_CYCLE`, `UNSUPPORTED_BY_ENGINE`.
   *
   * @example
   * const plan = await queue.send(planCreate, { planId, name: "Strength" }, { userId });
   * await queue.send(phaseCreate, { planId, index: 1 }, { dependsOn: [plan] });
   */
  send<T extends M>(message: T, data: SendData<T>, options?: SendOptions): Promise<JobHandle<T>> {
    return this.#producer.send(message, data, options) as Promise<JobHandle<T>>;
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
    const handles = await this.#producer.sendMany(items as readonly SendItem[], options);
    return handles as { readonly [Index in keyof T]: JobHandle<T[Index]> };
  }

  /**
   * Sends one job whose data is as it travels in JSON: a date of a codec is its text. For what has no types, such as
   * routes, test pages and command lines.
   *
   * @throws {QueueError} as `send`; `UNKNOWN_MESSAGE` for a name that isn't in the registry.
   *
   * @example
   * const { name, data } = await request.json();
   * const job = await queue.sendWire(name, data, { userId });
   */
  sendWire(name: string, data: unknown, options?: SendWireOptions): Promise<JobHandle<M>> {
    return this.#producer.sendWire(name, data, options) as Promise<JobHandle<M>>;
  }

  /**
   * Validates data as it travels in JSON, and answers it as `send` takes it. Sends nothing: for who decides about a send
   * by its data, or shows what is wrong with it before.
   *
   * @throws {QueueError} `INVALID_DATA`, `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_VERSION`; `UNKNOWN_MESSAGE` for a name that
   * isn't in the registry.
   *
   * @example
   * const { name, data } = await request.json();
   * if (mayInvite(user, await queue.parseWire(name, data))) await queue.sendWire(name, data);
   */
  parseWire<Name extends M["name"]>(
    name: Name,
    data: unknown,
    options?: ParseWireOptions,
  ): Promise<SendData<Extract<M, { readonly name: Name }>>>;
  parseWire(name: string, data: unknown, options?: ParseWireOptions): Promise<unknown>;
  parseWire(name: string, data: unknown, options?: ParseWireOptions): Promise<unknown> {
    return this.#producer.parseWire(name, data, options);
  }

  /** The job as it is now, or `null` when none is stored under that id. */
  async get<T extends M = M>(job: JobHandle<T> | JobReference): Promise<JobSnapshot<T> | null> {
    return (await this.#reader.get(job)) as JobSnapshot<T> | null;
  }

  /** Up to 10,000 jobs as they are now, in the order given; `null` for each that isn't stored. */
  async getMany<T extends M = M>(
    jobs: readonly (JobHandle<T> | JobReference)[],
  ): Promise<readonly (JobSnapshot<T> | null)[]> {
    return (await this.#reader.getMany(jobs)) as readonly (JobSnapshot<T> | null)[];
  }

  /**
   * Resolves with the job's result when it completes, also when it had already. Of a job that was removed since, by its
   * retention or by hand, the engine remembers for a while how it ended: it resolves with `undefined` if the message has
   * no result.
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
    return this.#reader.wait(job, options);
  }

  /**
   * Why a job is in its state and what it waits for, in data and in sentences.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`.
   */
  explain(job: JobReference): Promise<JobExplanation> {
    return this.#reader.explain(job);
  }

  /**
   * The jobs that a job depends on and those that depend on it, directly and through others, and which still wait. Those
   * that have ended are there while they are stored.
   *
   * @throws {QueueError} `JOB_NOT_FOUND`, `INVALID_OPTIONS`.
   *
   * @example
   * const { edges } = await queue.graph(plan, { depth: 3 });
   * for (const { from, to, pending } of edges) if (pending) console.log(`${to} waits for ${from}`);
   */
  async graph<T extends M = M>(job: JobReference, options?: GraphOptions): Promise<JobGraph<T>> {
    return (await readGraph(this.#context, job, options)) as JobGraph<T>;
  }

  /**
   * Jobs, newest first by the order in which they were sent. A job that changes its state between two pages is on one of
   * them. Filters by queue, state, searchable fields, or an ordering key of unfinished jobs are exact; with others,
   * a page may be short, and `complete` false: go on while there is a `cursor`.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, also for a queue that no message belongs to, and for a cursor of another
   * filter; `UNKNOWN_MESSAGE`.
   *
   * @example
   * let cursor: string | undefined;
   * do {
   *   const page = await queue.list({ state: "failed", userId, fields: "summary", cursor });
   *   for (const job of page.jobs) console.log(job.id, job.finishedAt, job.error?.message);
   *   cursor = page.cursor;
   * } while (cursor !== undefined);
   */
  list<T extends M = M>(options: SummaryListOptions<T>): Promise<JobSummaryList<T>>;
  list<T extends M = M>(options?: ListOptions<T>): Promise<JobList<T>>;
  async list<T extends M = M>(
    options?: ListOptions<T> | SummaryListOptions<T>,
  ): Promise<JobList<T> | JobSummaryList<T>> {
    return (await this.#reader.list(options)) as JobList<T> | JobSummaryList<T>;
  }

  /**
   * Failures of jobs, grouped by what is alike, the latest first: what fails, since when, how often, and which jobs. A
   * thousand groups are kept, each for two weeks after its latest failure.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, also for a queue that no message belongs to, and `UNKNOWN_MESSAGE`.
   *
   * @example
   * const { groups } = await queue.failureGroups({ limit: 10 });
   * for (const { title, frame, failed, lastAt } of groups) console.log(lastAt, failed, title, frame);
   */
  async failureGroups<T extends M = M>(options?: FailureGroupsOptions<T>): Promise<FailureGroupList<T>> {
    return (await readFailureGroups(this.#context, options)) as FailureGroupList<T>;
  }

  /**
   * Forgets up to 1,000 failure groups, for example once what caused them is fixed, and answers how many there were. A
   * group that fails again begins anew. The jobs stay as they are.
   *
   * @throws {QueueError} `INVALID_OPTIONS`.
   */
  forgetFailureGroups(fingerprints: readonly string[]): Promise<number> {
    return forgetFailureGroups(this.#context, fingerprints);
  }

  /**
   * How many jobs a filter selects. Exact with filters for which `list` is, if there is only one of them; otherwise the
   * engine looks at some ten thousand jobs, and `isExact` is false if there are more: read it as "at least".
   *
   * @throws {QueueError} as `list`.
   */
  count(filter?: JobFilterOptions<M>): Promise<JobCount> {
    return this.#reader.count(filter);
  }

  /** Jobs by queue and state, and what happened in the last five minutes. */
  stats(options?: StatsOptions): Promise<Stats> {
    return this.#reports.stats(options);
  }

  /** Whether all is well, and if not, what to do. Judged by `HEALTH_THRESHOLDS`. Never rejects. */
  health(): Promise<QueueHealth> {
    return this.#reports.health();
  }

  /**
   * Looks at the engine's server: version, settings, persistence, the user's rights, the namespace. For people who set it
   * up; `health` is for alerts. Changes nothing, never rejects, and is empty of an engine without a server.
   */
  diagnose(): Promise<readonly Finding[]> {
    return this.#reports.diagnose();
  }

  /**
   * For each message of the registry, whether a live worker handles the version that this process sends.
   *
   * @throws {QueueError} `UNSUPPORTED_BY_ENGINE` where the engine keeps no list of workers.
   */
  coverage(): Promise<readonly MessageCoverage[]> {
    return this.#reports.coverage();
  }

  /**
   * How many sends with a `tx` the outbox still holds, and for how long. `null` without an outbox, or with one that can't
   * tell.
   *
   * @throws what the outbox throws: `DATABASE_UNAVAILABLE` of one in Postgres.
   */
  async outboxBacklog(): Promise<OutboxBacklog | null> {
    return (await this.#outbox?.backlog?.()) ?? null;
  }

  /**
   * The workers of all processes that are alive: what they handle and what they run. A worker that dies is gone after
   * 30 s, one that stops at once.
   *
   * @example
   * for (const { name, running, concurrency } of await queue.workers()) console.log(name, running, "of", concurrency);
   */
  workers(): Promise<readonly WorkerSnapshot[]> {
    return this.#reports.workers();
  }

  /**
   * Counts and duration histograms by queue and minute, oldest first, from the instant `since` on.
   *
   * @example
   * const minutes = await queue.metrics({ since: new Date(Date.now() - 3_600_000), byMessage: true });
   */
  metrics(options: MetricsOptions): Promise<readonly QueueMetrics[]> {
    return this.#reports.metrics(options);
  }

  /**
   * Calls `listener` for what happens to jobs from now on. Resolves once the subscription is in force, with the
   * function that ends it. A subscription that was lost comes back by itself: then `onGap` is called, since events
   * were missed. Read again what you follow.
   *
   * @throws {QueueError} `INVALID_OPTIONS`, also for a queue that no message belongs to.
   *
   * @example
   * const stop = await queue.subscribe((event) => console.log(event.id, event.error?.message), {
   *   types: ["failed"],
   *   detail: true,
   * });
   */
  subscribe<T extends M = M>(
    listener: (event: JobEvent<T>) => void,
    options?: SubscribeOptions<T>,
  ): Promise<Unsubscribe> {
    return this.#subscriptions.subscribe(listener as (event: JobEvent) => void, options);
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

  async #close(): Promise<void> {
    this.#context.close();
    this.#waits.close();
    await this.#producer.close(CLOSE_TIMEOUT);
    await fulfillsWithin(this.#hub.close(), CLOSE_TIMEOUT, this.#context.clock).catch(() => undefined);
    if (!this.#leaveEngine()) return;
    const { engine, logger } = this.#context;
    await reportDroppedJobs(engine, logger);
    await engine.core.close();
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
