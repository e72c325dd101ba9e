import { errorText } from "../../engine/engine-errors.ts";
import type { ForgetGroupOutcome } from "../../engine/failure-groups.ts";
import type { JobKey } from "../../engine/job.ts";
import type {
  CancelOutcome,
  CleanRequest,
  EngineOperate,
  PromoteOutcome,
  RemoveOutcome,
  RetryOutcome,
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

  async cancel(jobs: readonly JobKey[], why: string): Promise<readonly CancelOutcome[]> {
    const now = this.#store.startStep();
    const error = errorText("JOB_CANCELLED", why);
    return jobs.map(({ id }) => {
      this.#store.renewStep();
      const job = this.#store.table.get(id);
      if (!job) return "unknown";
      if (isTerminal(job.state!)) return "finished";
      if (!this.#store.lifecycle.held.has(id)) {
        this.#store.lifecycle.end(job, "cancelled", now, error);
        return "cancelled";
      }
      job.cancelRequested = true;
      job.error = error;
      return "cancelling";
    });
  }

  async retry(jobs: readonly JobKey[]): Promise<readonly RetryOutcome[]> {
    const now = this.#store.startStep();
    return jobs.map(({ id }) => {
      this.#store.renewStep();
      const job = this.#store.table.get(id);
      if (!job) return "unknown";
      if (job.state !== "failed" && job.state !== "cancelled") return "not-failed";
      this.#store.lifecycle.reopen(job, now);
      return "retried";
    });
  }

  async remove(jobs: readonly JobKey[]): Promise<readonly RemoveOutcome[]> {
    const now = this.#store.startStep();
    return jobs.map(({ id }) => {
      this.#store.renewStep();
      const job = this.#store.table.get(id);
      if (!job) return "unknown";
      if (this.#store.lifecycle.held.has(id)) return "active";
      this.#store.lifecycle.remove(job, now);
      return "removed";
    });
  }

  async promote(jobs: readonly JobKey[]): Promise<readonly PromoteOutcome[]> {
    const now = this.#store.startStep();
    return jobs.map(({ id }) => {
      const job = this.#store.table.get(id);
      if (!job) return "unknown";
      if (job.state !== "scheduled") return "not-scheduled";
      this.#store.lifecycle.promote(job, now);
      return "promoted";
    });
  }

  async clean({ state, queue, olderThan, limit }: CleanRequest): Promise<number> {
    const now = this.#store.startStep();
    const old: StoredJob[] = [];
    for (const job of this.#store.table.oldestFirst({
      states: [state],
      ...(queue !== undefined && { queues: [queue] }),
    })) {
      if (old.length === limit) break;
      if (job.finishedAt! + olderThan <= now && !this.#store.lifecycle.isPinned(job)) old.push(job);
    }
    for (const job of old) this.#store.lifecycle.remove(job, now);
    return old.length;
  }

  async forgetFailureGroups(fingerprints: readonly string[]): Promise<readonly ForgetGroupOutcome[]> {
    this.#store.assertOpen();
    return fingerprints.map((fingerprint) =>
      this.#store.groups.forget(fingerprint) ? "forgotten" : "unknown",
    );
  }
}
