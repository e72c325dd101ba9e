import { errorText } from "../../engine/engine-errors.ts";
import type { Unsubscribe } from "../../engine/events.ts";
import type { ForgetGroupOutcome } from "../../engine/failure-groups.ts";
import type { JobKey } from "../../engine/job.ts";
import type {
  CancelListener,
  CancelOutcome,
  CleanRequest,
  EngineOperate,
  PromoteOutcome,
  RemoveOptions,
  RemoveOutcome,
  RetryOutcome,
  StateGuard,
} from "../../engine/operate.ts";
import type { EngineQueues } from "../../engine/queues.ts";
import type { EngineChannel } from "../channels/engine-channel.ts";
import { MAX_JOBS, type RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** Finished jobs that one step of `clean` looks at. */
const CLEAN_WINDOW = 1_000;

/** The facet `operate` of the redis engine. */
export class RedisOperate implements EngineOperate {
  readonly #store: RedisStore;
  readonly #queues: EngineQueues;
  readonly #channel: EngineChannel;
  readonly #listeners = new Set<CancelListener>();

  constructor(store: RedisStore, queues: EngineQueues, channel: EngineChannel) {
    this.#store = store;
    this.#queues = queues;
    this.#channel = channel;
  }

  /** Calls the listeners: a job that this engine's claims hold was told to stop. */
  notifyCancelled(id: string, reason: string): void {
    for (const listener of this.#listeners) this.#store.listeners.call(listener, [id], reason);
  }

  async cancel(
    jobs: readonly JobKey[],
    reason: string,
    guard?: StateGuard,
  ): Promise<readonly CancelOutcome[]> {
    return this.#store.runOverJobs(scripts.cancel, jobs, textOf(guard), errorText("JOB_CANCELLED", reason));
  }

  async retry(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly RetryOutcome[]> {
    return this.#store.runOverJobs(scripts.retry, jobs, textOf(guard));
  }

  async remove(jobs: readonly JobKey[], options: RemoveOptions = {}): Promise<readonly RemoveOutcome[]> {
    return this.#store.runOverJobs(scripts.remove, jobs, textOf(options), options.force ? "force" : "");
  }

  async promote(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly PromoteOutcome[]> {
    return this.#store.runOverJobs(scripts.promote, jobs, textOf(guard));
  }

  async clean({ state, queue, olderThan, limit }: CleanRequest): Promise<number> {
    const queues =
      queue === undefined ? (await this.#queues.counts()).map((counts) => counts.queue) : [queue];
    let removed = 0;
    for (let after = 0; removed < limit && queues.length > 0; ) {
      const args = [
        this.#store.tombstones.count,
        state,
        Math.ceil(olderThan),
        limit - removed,
        CLEAN_WINDOW,
        after,
      ];
      const reply = await this.#store.run(scripts.clean, [...args, ...queues]);
      const [some, last] = reply as readonly [number, string];
      removed += some;
      if (last === "0") break;
      after = Number(last);
    }
    return removed;
  }

  async forgetFailureGroups(fingerprints: readonly string[]): Promise<readonly ForgetGroupOutcome[]> {
    const outcomes: ForgetGroupOutcome[] = [];
    while (outcomes.length < fingerprints.length) {
      const some = fingerprints.slice(outcomes.length, outcomes.length + MAX_JOBS);
      const reply = (await this.#store.run(scripts.forgetGroups, some)) as readonly number[];
      outcomes.push(...reply.map((was) => (was === 1 ? "forgotten" : "unknown")));
    }
    return outcomes;
  }

  async onCancelRequest(listener: CancelListener): Promise<Unsubscribe> {
    const entry: CancelListener = (ids, reason) => listener(ids, reason);
    this.#listeners.add(entry);
    try {
      await this.#channel.listen();
    } catch (error) {
      this.#listeners.delete(entry);
      throw error;
    }
    return async () => void this.#listeners.delete(entry);
  }
}

/** As `lua/lib/operation.lua` takes it. An empty list of states is none of them, not all. */
function textOf({ states }: StateGuard = {}): string {
  if (states === undefined) return "";
  return states.length === 0 ? "none" : states.join(",");
}
