import { errorText } from "../../engine/engine-errors.ts";
import type { ForgetGroupOutcome } from "../../engine/failure-groups.ts";
import type { JobKey } from "../../engine/job.ts";
import type {
  CancelOutcome,
  CleanRequest,
  EngineOperate,
  GuardedOutcome,
  PromoteOutcome,
  RemoveOptions,
  RemoveOutcome,
  RetryOutcome,
  StateGuard,
} from "../../engine/operate.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import type { MemoryStore } from "../memory-store.ts";
import type { StoredJob } from "../stored-job.ts";

/** The facet `operate` of the memory engine. */
export class MemoryOperate implements EngineOperate {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async cancel(jobs: readonly JobKey[], why: string, guard?: StateGuard): Promise<readonly CancelOutcome[]> {
    const error = errorText("JOB_CANCELLED", why);
    return this.#each<CancelOutcome>(jobs, guard, (job, now) => {
      if (isTerminal(job.state!)) return "finished";
      if (!this.#store.lifecycle.held.has(job.id)) {
        this.#store.lifecycle.end(job, "cancelled", now, error);
        return "cancelled";
      }
      job.cancelRequested = true;
      job.error = error;
      return "cancelling";
    });
  }

  async retry(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly RetryOutcome[]> {
    return this.#each<RetryOutcome>(jobs, guard, (job, now) => {
      if (job.state !== "failed" && job.state !== "cancelled") return "not-failed";
      this.#store.lifecycle.reopen(job, now);
      return "retried";
    });
  }

  async remove(jobs: readonly JobKey[], options: RemoveOptions = {}): Promise<readonly RemoveOutcome[]> {
    const { lifecycle } = this.#store;
    return this.#each<RemoveOutcome>(jobs, options, (job, now) => {
      if (lifecycle.held.has(job.id)) {
        if (!options.force) return "active";
        lifecycle.breakRun(job, now);
        lifecycle.held.delete(job.id);
      }
      if (!job.isDeleted) lifecycle.remove(job, now);
      return "removed";
    });
  }

  async promote(jobs: readonly JobKey[], guard?: StateGuard): Promise<readonly PromoteOutcome[]> {
    return this.#each<PromoteOutcome>(jobs, guard, (job, now) => {
      if (job.state !== "scheduled") return "not-scheduled";
      this.#store.lifecycle.promote(job, now);
      return "promoted";
    });
  }

  #each<Outcome>(
    jobs: readonly JobKey[],
    { states }: StateGuard = {},
    act: (job: StoredJob, now: number) => Outcome,
  ): readonly (Outcome | "unknown" | GuardedOutcome)[] {
    const now = this.#store.startStep();
    return jobs.map(({ id }) => {
      this.#store.renewStep();
      const job = this.#store.table.get(id);
      if (!job) return "unknown";
      return states === undefined || states.includes(job.state!) ? act(job, now) : "other-state";
    });
  }

  async clean({ state, queue, olderThan, limit }: CleanRequest): Promise<number> {
    const now = this.#store.startStep();
    const { lifecycle } = this.#store;
    const candidates = this.#store.table.oldestFirst({
      states: [state],
      ...(queue !== undefined && { queues: [queue] }),
    });
    let removed = 0;
    for (const job of [...candidates]) {
      if (removed === limit) break;
      // The removal of one may have ended another, which waited for it.
      if (job.isDeleted || job.state !== state) continue;
      const isNeeded = isTerminal(state)
        ? lifecycle.isPinned(job)
        : lifecycle.held.has(job.id) || lifecycle.isRead(job);
      if ((job.finishedAt ?? job.createdAt) + olderThan > now || isNeeded) continue;
      lifecycle.remove(job, now);
      removed++;
    }
    return removed;
  }

  async forgetFailureGroups(fingerprints: readonly string[]): Promise<readonly ForgetGroupOutcome[]> {
    this.#store.assertOpen();
    return fingerprints.map((fingerprint) =>
      this.#store.groups.forget(fingerprint) ? "forgotten" : "unknown",
    );
  }
}
