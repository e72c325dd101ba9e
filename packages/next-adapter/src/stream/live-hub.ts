import type { Queue } from "@org/queue";
import type { StatusSource } from "../gateway/status-gateway.ts";
import type { ShownPart } from "../jobs/public-job.ts";
import type { ErrorReporter } from "./error-reporter.ts";
import { isJobList, JobListTopics } from "./job-list-topics.ts";
import { isJob, JobTopics } from "./job-topics.ts";
import { ReportTopic } from "./report-topic.ts";
import { StatusTopics } from "./status-topics.ts";
import type { Topic, Watcher } from "./topic.ts";

/** Milliseconds. */
const TURN = 2_000;
const STATS_INTERVAL = 2_000;
const HEALTH_INTERVAL = 5_000;
/** Turns without a watcher after which the hub lets go of the engine: a client that polls comes back meanwhile. */
const IDLE_TURNS = 5;

export interface LiveHubParts {
  readonly queue: Queue;
  readonly statuses: Readonly<Record<string, StatusSource>>;
  readonly show: ReadonlySet<ShownPart>;
  readonly readStats: () => Promise<unknown>;
  readonly readHealth: () => Promise<unknown>;
  readonly onError: ErrorReporter;
}

/** What all clients of a process follow, with one subscription to the engine and one a status table. */
export class LiveHub {
  readonly jobs: JobTopics;
  readonly lists: JobListTopics;
  readonly stats: ReportTopic;
  readonly health: ReportTopic;
  readonly #parts: LiveHubParts;
  readonly #statuses: ReadonlyMap<string, StatusTopics>;
  #listening: Promise<void> | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #idleTurns = 0;

  constructor(parts: LiveHubParts) {
    const { queue, show, statuses, readStats, readHealth, onError } = parts;
    this.#parts = parts;
    const listening = () => this.#listen();
    this.jobs = new JobTopics({
      queue,
      show,
      onError,
      listening,
      readsAll: () => this.lists.size > 0,
      onJob: (job) => this.lists.onJob(job),
    });
    this.lists = new JobListTopics({ queue, jobs: this.jobs, onError, listening });
    this.stats = new ReportTopic("stats", readStats, STATS_INTERVAL, onError);
    this.health = new ReportTopic("health", readHealth, HEALTH_INTERVAL, onError);
    this.#statuses = new Map(
      Object.entries(statuses).map(([table, source]) => [table, new StatusTopics(table, source, onError)]),
    );
  }

  /** @param table one of the routes' */
  statuses(table: string): StatusTopics {
    return this.#statuses.get(table)!;
  }

  watch(topic: Topic, watcher: Watcher): void {
    topic.watchers.add(watcher);
    if (topic instanceof ReportTopic) topic.start();
    this.#timer ??= setInterval(() => this.#turn(), TURN);
    this.#timer.unref?.();
  }

  unwatch(topic: Topic, watcher: Watcher): void {
    topic.watchers.delete(watcher);
    if (isJob(topic)) this.jobs.close(topic);
    else if (isJobList(topic)) this.lists.close(topic);
    else if (!(topic instanceof ReportTopic)) {
      for (const statuses of this.#statuses.values()) statuses.close(topic);
    }
  }

  /** Resolves once changes are heard of. An engine without events, or one that refuses them, is polled. */
  #listen(): Promise<void> {
    this.#listening ??= this.#subscribe();
    return this.#listening;
  }

  async #subscribe(): Promise<void> {
    const { queue, onError } = this.#parts;
    try {
      this.#unsubscribe = await queue.subscribe((event) => this.jobs.onEvent(event), {
        onGap: () => this.#refreshAll(),
      });
    } catch (error) {
      onError(error);
    }
  }

  #turn(): void {
    if (this.#isIdle()) {
      if (++this.#idleTurns >= IDLE_TURNS) void this.#release();
      return;
    }
    this.#idleTurns = 0;
    this.jobs.retry();
    this.lists.retry();
    for (const statuses of this.#statuses.values()) statuses.retry();
    if (this.#unsubscribe || !this.#listening) return;
    this.#listening = undefined;
    this.#refreshAll();
  }

  #isIdle(): boolean {
    const sizes = [this.jobs, this.lists, ...this.#statuses.values()].map(({ size }) => size);
    const reports = [this.stats, this.health].map(({ watchers }) => watchers.size);
    return [...sizes, ...reports].every((size) => size === 0);
  }

  #refreshAll(): void {
    this.jobs.refreshAll();
    this.lists.refreshAll();
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#idleTurns = 0;
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    this.#listening = undefined;
    await unsubscribe?.().catch(() => undefined);
  }
}
