import type { WireError } from "../protocol/refusals.ts";
import { isJobList, type JobListTopic } from "./job-list-topics.ts";
import { isJob, type JobTopic } from "./job-topics.ts";
import type { LiveHub } from "./live-hub.ts";
import { type Topic, versionOf, type Watcher } from "./topic.ts";

/** An interest of a client that was allowed. */
export interface Followed {
  /** Its index among the client's interests. */
  readonly at: number;
  /** Opens its topic, to be followed at once. */
  readonly open: () => Topic;
  /** The version that the client has. */
  readonly known: string | null;
  /** Whether the client may see this job, which may have come into being only now. */
  readonly allows: (job: JobTopic) => boolean;
}

interface Item {
  /** Indexes of the interests that it is of. Empty: it is there as a job of lists. */
  readonly at: number[];
  /** Lists that have it. */
  readonly lists: Set<JobListTopic>;
  /** One of them must allow a job. */
  readonly allows: Set<(job: JobTopic) => boolean>;
  /** The version that the client has, or an error's code. */
  sent: string | null;
}

const NO_JOB = versionOf("null");

/** Follows topics for one client, and knows what of them the client has: only the newest of each is ever pending. */
export class Follower implements Watcher {
  readonly #hub: LiveHub;
  readonly #items = new Map<Topic, Item>();
  readonly #pending = new Set<Topic>();
  readonly #knownJobs: ReadonlyMap<string, string>;
  #onPending: () => void = () => {};

  /** @param knownJobs versions of jobs of lists that the client has, by id */
  constructor(hub: LiveHub, knownJobs: Readonly<Record<string, string>> = {}) {
    this.#hub = hub;
    this.#knownJobs = new Map(Object.entries(knownJobs));
  }

  /** @param onPending called whenever there is something to send, for the first time at once */
  start(followed: readonly Followed[], onPending: () => void): void {
    for (const { at, open, known, allows } of followed) this.#follow(open(), known, allows).at.push(at);
    this.#onPending = onPending;
    onPending();
  }

  /** Whether each topic was read, or failed. */
  get isLoaded(): boolean {
    return [...this.#items.keys()].every((topic) => topic.isLoaded || topic.error !== undefined);
  }

  get hasPending(): boolean {
    return this.#pending.size > 0;
  }

  onTopic(topic: Topic): void {
    if (isJobList(topic)) this.#followJobs(topic);
    this.#pending.add(topic);
    this.#onPending();
  }

  /** What the client doesn't have yet, as the JSON of an array of changes. `undefined`: nothing. */
  take(): string | undefined {
    // Jobs before the lists that name them.
    const topics = [...this.#pending].toSorted((a, b) => Number(isJobList(a)) - Number(isJobList(b)));
    this.#pending.clear();
    const changes = topics.flatMap((topic) => this.#changesOf(topic));
    return changes.length > 0 ? `[${changes.join(",")}]` : undefined;
  }

  close(): void {
    for (const topic of this.#items.keys()) this.#hub.unwatch(topic, this);
    this.#items.clear();
    this.#pending.clear();
  }

  #follow(topic: Topic, known: string | null, allows: (job: JobTopic) => boolean): Item {
    const followed = this.#items.get(topic);
    if (followed) {
      followed.allows.add(allows);
      return followed;
    }
    const item: Item = { at: [], lists: new Set(), allows: new Set([allows]), sent: known };
    this.#items.set(topic, item);
    this.#hub.watch(topic, this);
    if (topic.isLoaded || topic.error) this.onTopic(topic);
    return item;
  }

  #followJobs(list: JobListTopic): void {
    const [allows = () => false] = this.#items.get(list)?.allows ?? [];
    for (const job of list.jobs) {
      this.#follow(job, this.#knownJobs.get(job.id) ?? null, allows).lists.add(list);
    }
    for (const [topic, { at, lists }] of this.#items) {
      if (!isJob(topic) || !lists.has(list) || list.jobs.includes(topic)) continue;
      lists.delete(list);
      if (at.length > 0 || lists.size > 0) continue;
      this.#items.delete(topic);
      this.#pending.delete(topic);
      this.#hub.unwatch(topic, this);
    }
  }

  #changesOf(topic: Topic): readonly string[] {
    const item = this.#items.get(topic);
    if (!item) return [];
    if (topic.error) return item.sent === topic.error.code ? [] : this.#errors(item, topic.error);
    if (!topic.isLoaded) return [];
    // A job of somebody else looks like none at all.
    const isHidden =
      isJob(topic) && topic.subject !== undefined && ![...item.allows].some((allows) => allows(topic));
    const version = isHidden ? NO_JOB : topic.version;
    if (item.sent === version) return [];
    item.sent = version;
    const rest = `"version":"${version}","value":${isHidden ? "null" : topic.json}}`;
    const ofInterests = item.at.map((at) => `{"at":${at},${rest}`);
    return isJob(topic) && item.lists.size > 0
      ? [...ofInterests, `{"job":${JSON.stringify(topic.id)},${rest}`]
      : ofInterests;
  }

  #errors(item: Item, error: WireError): readonly string[] {
    item.sent = error.code;
    return item.at.map((at) => JSON.stringify({ at, error }));
  }
}
