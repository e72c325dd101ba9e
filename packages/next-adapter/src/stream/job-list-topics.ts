import type { JobSnapshot, Queue } from "@org/queue";
import type { JobListFilter } from "../access/authorize.ts";
import type { JobListValue } from "../protocol/interests.ts";
import type { ErrorReporter } from "./error-reporter.ts";
import type { JobTopic, JobTopics } from "./job-topics.ts";
import { Pacer } from "./pacer.ts";
import { Topic } from "./topic.ts";

/** Milliseconds between two reads of one list. */
const INTERVAL = 200;

/** A list of jobs that is followed. Its jobs are topics of their own. */
export class JobListTopic extends Topic<JobListValue> {
  readonly filter: JobListFilter;
  readonly limit: number;
  /** The topics of the jobs that it has, in their order. */
  jobs: readonly JobTopic[] = [];

  constructor(key: string, filter: JobListFilter, limit: number) {
    super(key);
    this.filter = filter;
    this.limit = limit;
  }

  has(id: string): boolean {
    return this.value?.ids.includes(id) ?? false;
  }

  selects({ userId, orderingKey, messageType, state }: JobSnapshot): boolean {
    const { filter } = this;
    return (
      (filter.userId ?? userId) === userId &&
      (filter.orderingKey ?? orderingKey) === orderingKey &&
      (filter.message ?? messageType) === messageType &&
      (filter.states?.includes(state) ?? true)
    );
  }
}

export function isJobList(topic: Topic): topic is JobListTopic {
  return topic instanceof JobListTopic;
}

interface Entry {
  readonly topic: JobListTopic;
  readonly pacer: Pacer;
}

interface Parts {
  readonly queue: Queue;
  readonly jobs: JobTopics;
  /** Resolves once changes are heard of, or polled for. */
  readonly listening: () => Promise<void>;
  readonly onError: ErrorReporter;
}

/** The lists of jobs that clients follow. */
export class JobListTopics {
  readonly #parts: Parts;
  readonly #entries = new Map<string, Entry>();
  /** By the user that a list is of, or `undefined`, so that a job is compared with few lists. */
  readonly #byUser = new Map<string | undefined, Set<Entry>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The topic of a list. It is read anew, because jobs that are removed are told by no event. */
  open(filter: JobListFilter, limit: number): JobListTopic {
    const { userId, orderingKey, message, states } = filter;
    const key = `jobs:${JSON.stringify([userId, orderingKey, message, states?.toSorted(), limit])}`;
    const entry = this.#entries.get(key) ?? this.#add(key, new JobListTopic(key, filter, limit));
    entry.pacer.ask();
    return entry.topic;
  }

  /** Forgets a list that nobody follows any more, and its jobs. */
  close(topic: JobListTopic): void {
    const entry = this.#entries.get(topic.key);
    if (!entry || topic.watchers.size > 0) return;
    entry.pacer.stop();
    this.#entries.delete(topic.key);
    const others = this.#byUser.get(topic.filter.userId);
    others?.delete(entry);
    if (others?.size === 0) this.#byUser.delete(topic.filter.userId);
    for (const job of topic.jobs) this.#parts.jobs.close(job);
  }

  onJob(job: JobSnapshot): void {
    for (const user of job.userId === undefined ? [undefined] : [job.userId, undefined]) {
      for (const { topic, pacer } of this.#byUser.get(user) ?? []) {
        if (topic.selects(job) !== topic.has(job.id)) pacer.ask();
      }
    }
  }

  refreshAll(): void {
    for (const { pacer } of this.#entries.values()) pacer.ask();
  }

  /** Reads what couldn't be read before. */
  retry(): void {
    for (const { topic, pacer } of this.#entries.values()) if (topic.error) pacer.ask();
  }

  #add(key: string, topic: JobListTopic): Entry {
    const entry = { topic, pacer: new Pacer(() => this.#refresh(topic), INTERVAL) };
    this.#entries.set(key, entry);
    const { userId } = topic.filter;
    const others = this.#byUser.get(userId) ?? new Set();
    this.#byUser.set(userId, others.add(entry));
    return entry;
  }

  async #refresh(topic: JobListTopic): Promise<void> {
    const { states, ...filter } = topic.filter;
    try {
      await this.#parts.listening();
      const { jobs, cursor } = await this.#parts.queue.list({
        ...filter,
        ...(states && { state: states }),
        limit: topic.limit,
      });
      const before = topic.jobs;
      topic.jobs = jobs.map((job) => this.#parts.jobs.openWith(job));
      topic.set({ ids: jobs.map(({ id }) => id), hasMore: cursor !== undefined });
      for (const job of before) if (!topic.jobs.includes(job)) this.#parts.jobs.close(job);
    } catch (error) {
      topic.fail(this.#parts.onError(error));
    }
  }
}
