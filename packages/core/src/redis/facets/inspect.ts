import { MAX_DEPENDENTS } from "../../engine/engine-limits.ts";
import type { DependencyEdge, EngineInspect, JobEdges, JobPage, ListRequest } from "../../engine/inspect.ts";
import type { JobKey, JobRecord, RememberedEnding } from "../../engine/job.ts";
import { JOB_STATES, type JobState } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { newestActiveIds } from "../calls/newest-active-ids.ts";
import type { EventFeed } from "../channels/event-feed.ts";
import { jobRecords, rememberedEndings, type StoredParts } from "../codec/job-record.ts";
import { policyOf } from "../codec/job-value.ts";
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

  async remembered(jobs: readonly JobKey[]): Promise<readonly (RememberedEnding | null)[]> {
    const endings: (RememberedEnding | null)[] = [];
    for (let start = 0; start < jobs.length; start += MAX_JOBS) {
      const reply = await this.#store.run(scripts.remembered, idsOf(jobs.slice(start, start + MAX_JOBS)));
      endings.push(...(await rememberedEndings(reply as readonly (string | null)[], this.#store.profiles)));
    }
    return endings;
  }

  async list(request: ListRequest): Promise<JobPage> {
    const { limit, cursor, messageType = "", queue } = request;
    const states = [...new Set(request.states ?? JOB_STATES)];
    const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor);
    if (!Number.isSafeInteger(before)) {
      throw new QueueError("INVALID_OPTIONS", `"${cursor}" isn't a cursor of this engine.`);
    }
    const queues = queue === undefined ? [] : [queue];
    const page = (active: string) =>
      this.#store.run(scripts.list, [
        limit,
        before,
        messageType,
        active,
        states.length,
        ...states,
        ...queues,
      ]);
    let reply = await page("");
    if (typeof reply === "number") {
      const active = await newestActiveIds(this.#store.connection, { before, limit: reply, queues });
      reply = await page(JSON.stringify(active));
    }
    const [last, ids, ...parts] = reply as readonly [number, readonly string[], ...StoredParts[]];
    const jobs = (await jobRecords(ids, parts, this.#store.profiles)).filter((job) => job !== null);
    return { jobs, ...(last > 0 && { cursor: String(last) }) };
  }

  async edges(id: string): Promise<JobEdges | null> {
    const reply = await this.#store.run(scripts.edges, [id, MAX_DEPENDENTS]);
    if (reply === null) return null;
    const [flat, dependents, behind] = reply as readonly [
      readonly (string | number)[],
      readonly string[],
      string,
    ];
    const dependencies: DependencyEdge[] = [];
    for (let index = 0; index < flat.length; index += 4) {
      const [job, policy, state, pending] = flat.slice(index, index + 4);
      dependencies.push({
        job: String(job),
        onFailure: policyOf(String(policy)),
        state: state === "" ? null : (state as JobState),
        pending: pending !== 0,
        ...(pending === 2 && { undecided: true as const }),
      });
    }
    return { dependencies, dependents, ...(behind !== "" && { behind }) };
  }
}
