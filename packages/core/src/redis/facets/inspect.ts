import { MAX_DEPENDENTS } from "../../engine/engine-limits.ts";
import {
  type FailureGroupPage,
  type FailureGroupsRequest,
  MAX_GROUP_SAMPLES,
} from "../../engine/failure-groups.ts";
import type {
  EdgesOptions,
  EngineInspect,
  JobCount,
  JobEdges,
  JobPage,
  ListedJobs,
  ListFields,
  ListRequest,
} from "../../engine/inspect.ts";
import type { JobKey, JobRecord, JobSummary, RememberedEnding } from "../../engine/job.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import { countJobs, listJobs } from "../calls/list-jobs.ts";
import type { EventFeed } from "../channels/event-feed.ts";
import { groupCursor, parseGroups, placeOfCursor } from "../codec/failure-groups.ts";
import { type EdgesReply, edgesOf } from "../codec/job-edges.ts";
import {
  jobRecords,
  jobSummaries,
  rememberedEndings,
  type StoredParts,
  type SummaryParts,
} from "../codec/job-record.ts";
import { idsOf, MAX_JOBS, type RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** The facet `inspect` of the redis engine. */
export class RedisInspect implements EngineInspect {
  readonly #store: RedisStore;
  readonly #feed: EventFeed;

  constructor(store: RedisStore, feed: EventFeed) {
    this.#store = store;
    this.#feed = feed;
  }

  async get(jobs: readonly JobKey[]): Promise<readonly (JobRecord | null)[]> {
    const records: (JobRecord | null)[] = [];
    for (let start = 0; start < jobs.length; start += MAX_JOBS) {
      const some = idsOf(jobs.slice(start, start + MAX_JOBS));
      const reply = (await this.#store.run(scripts.get, some)) as readonly (StoredParts | null)[];
      records.push(...(await jobRecords(some, reply, this.#store.profiles)));
    }
    // Events arrive through another connection, possibly after this reply.
    if (records.includes(null)) await this.#feed.delivered();
    return records;
  }

  async getSummaries(jobs: readonly JobKey[]): Promise<readonly (JobSummary | null)[]> {
    const summaries: (JobSummary | null)[] = [];
    for (let start = 0; start < jobs.length; start += MAX_JOBS) {
      const some = idsOf(jobs.slice(start, start + MAX_JOBS));
      const reply = (await this.#store.run(scripts.getSummaries, some)) as readonly (SummaryParts | null)[];
      summaries.push(...(await jobSummaries(some, reply, this.#store.profiles)));
    }
    if (summaries.includes(null)) await this.#feed.delivered();
    return summaries;
  }

  async remembered(jobs: readonly JobKey[]): Promise<readonly (RememberedEnding | null)[]> {
    const endings: (RememberedEnding | null)[] = [];
    for (let start = 0; start < jobs.length; start += MAX_JOBS) {
      const reply = await this.#store.run(scripts.remembered, idsOf(jobs.slice(start, start + MAX_JOBS)));
      endings.push(...(await rememberedEndings(reply as readonly (string | null)[], this.#store.profiles)));
    }
    return endings;
  }

  list<F extends ListFields>(request: ListRequest<F>): Promise<JobPage<ListedJobs[F]>> {
    return listJobs(this.#store, request);
  }

  count(filter: JobFilter): Promise<JobCount> {
    return countJobs(this.#store, filter);
  }

  async edges(
    jobs: readonly JobKey[],
    { limit = MAX_DEPENDENTS }: EdgesOptions = {},
  ): Promise<readonly (JobEdges | null)[]> {
    const found: (JobEdges | null)[] = [];
    while (found.length < jobs.length) {
      const some = idsOf(jobs.slice(found.length, found.length + MAX_JOBS));
      const reply = (await this.#store.run(scripts.edges, [
        limit,
        ...some,
      ])) as readonly (EdgesReply | null)[];
      found.push(...reply.map(edgesOf));
    }
    return found;
  }

  async failureGroups(request: FailureGroupsRequest): Promise<FailureGroupPage> {
    const { limit, messageType = "", queue = "", cursor } = request;
    const args = [limit, MAX_GROUP_SAMPLES, messageType, queue, ...placeOfCursor(cursor)];
    const reply = (await this.#store.run(scripts.failureGroups, args)) as readonly [number, ...unknown[]];
    const [more, ...flat] = reply;
    const groups = parseGroups(flat);
    const last = groups.at(-1);
    return { groups, ...(more === 1 && last && { cursor: groupCursor(last) }) };
  }
}
