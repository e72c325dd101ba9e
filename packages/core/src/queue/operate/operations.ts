import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { CancelOutcome, PromoteOutcome, RemoveOutcome, RetryOutcome } from "../../engine/operate.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { idOf, idsOf, type JobReference } from "../job-reference.ts";
import { notFound } from "../read/not-found.ts";
import { noticeCancel } from "./cancel-notices.ts";

/** What a bulk operation did with one job. */
export interface JobOutcome<Outcome extends string> {
  readonly id: string;
  readonly outcome: Outcome;
}

export const DEFAULT_CANCEL_REASON = "Cancelled by the app.";
/** Ids that one engine call carries. */
const MAX_IDS_A_CALL = 1_000;

/** Cancel, retry, remove, promote: one job with errors, or many with an outcome each. */
export class Operations {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async cancel(job: JobReference, reason: string): Promise<"cancelled" | "cancelling"> {
    const id = idOf(job);
    const [{ outcome }] = (await this.cancelMany([id], reason)) as [JobOutcome<CancelOutcome>];
    if (outcome === "cancelled" || outcome === "cancelling") return outcome;
    throw await this.#refusal(id, outcome === "unknown", "cancelled", "it must not have ended");
  }

  async cancelMany(
    jobs: readonly JobReference[],
    reason: string,
  ): Promise<readonly JobOutcome<CancelOutcome>[]> {
    const outcomes = await each(idsOf(jobs), (ids) => facetOf(this.#engine, "operate").cancel(ids, reason));
    const cancelling = outcomes.filter(({ outcome }) => outcome === "cancelling").map(({ id }) => id);
    if (cancelling.length > 0) noticeCancel(this.#engine, cancelling, reason);
    return outcomes;
  }

  async retry(job: JobReference): Promise<void> {
    const id = idOf(job);
    const [{ outcome }] = (await this.retryMany([id])) as [JobOutcome<RetryOutcome>];
    if (outcome === "retried") return;
    throw await this.#refusal(id, outcome === "unknown", "retried", "it must be failed or cancelled");
  }

  retryMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RetryOutcome>[]> {
    return each(idsOf(jobs), (ids) => facetOf(this.#engine, "operate").retry(ids));
  }

  async remove(job: JobReference): Promise<void> {
    const id = idOf(job);
    const [{ outcome }] = (await this.removeMany([id])) as [JobOutcome<RemoveOutcome>];
    if (outcome === "removed") return;
    throw await this.#refusal(id, outcome === "unknown", "removed", "cancel it first");
  }

  removeMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RemoveOutcome>[]> {
    return each(idsOf(jobs), (ids) => facetOf(this.#engine, "operate").remove(ids));
  }

  async promote(job: JobReference): Promise<void> {
    const id = idOf(job);
    const [{ outcome }] = (await this.promoteMany([id])) as [JobOutcome<PromoteOutcome>];
    if (outcome === "promoted") return;
    throw await this.#refusal(id, outcome === "unknown", "promoted", "it must be scheduled");
  }

  promoteMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<PromoteOutcome>[]> {
    return each(idsOf(jobs), (ids) => facetOf(this.#engine, "operate").promote(ids));
  }

  async #refusal(id: string, isUnknown: boolean, participle: string, needs: string): Promise<QueueError> {
    const state = isUnknown ? undefined : await this.#stateOf(id);
    if (state === undefined) return this.#unknown(id, participle);
    return new QueueError(
      "INVALID_STATE",
      `The job ${id} is ${state}, so it can't be ${participle}: ${needs}.`,
    );
  }

  async #unknown(id: string, participle: string): Promise<QueueError> {
    const [ending] = await facetOf(this.#engine, "inspect").remembered([id]);
    if (!ending) return notFound(id);
    return new QueueError(
      "JOB_NOT_FOUND",
      `The job ${id} is ${ending.state} and no longer kept, so it can't be ${participle}. ` +
        "Keep jobs longer with their message's `retain`.",
    );
  }

  async #stateOf(id: string): Promise<JobState | undefined> {
    const [record] = await facetOf(this.#engine, "inspect").get([id]);
    return record?.state;
  }
}

async function each<Outcome extends string>(
  ids: readonly string[],
  call: (ids: readonly string[]) => Promise<readonly Outcome[]>,
): Promise<readonly JobOutcome<Outcome>[]> {
  const results: JobOutcome<Outcome>[] = [];
  for (let start = 0; start < ids.length; start += MAX_IDS_A_CALL) {
    const part = ids.slice(start, start + MAX_IDS_A_CALL);
    const outcomes = await call(part);
    part.forEach((id, index) => {
      results.push({ id, outcome: outcomes[index]! });
    });
  }
  return results;
}
