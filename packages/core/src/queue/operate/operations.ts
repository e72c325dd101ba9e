import { parseOptions } from "../../contract/options.ts";
import type { JobKey } from "../../engine/job.ts";
import type { CancelOutcome, PromoteOutcome, RemoveOutcome, RetryOutcome } from "../../engine/operate.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { type JobReference, keyOf, keysOf } from "../job-reference.ts";
import type { QueueContext } from "../queue-context.ts";
import { type CancelOptions, cancelSchema, type RemoveJobOptions, removeSchema } from "../queue-options.ts";
import { endingText, notFound, whyGone } from "../read/not-found.ts";
import { noticeCancel } from "./cancel-notices.ts";

/** What an operation on many jobs did with one of them. */
export interface JobOutcome<Outcome extends string> {
  readonly id: string;
  readonly outcome: Outcome;
}

export const DEFAULT_CANCEL_REASON = "Cancelled by the app.";
/** Jobs that one engine call carries. */
const MAX_JOBS_A_CALL = 1_000;

/** Cancels, retries, removes and promotes jobs: one with an error, or many with an outcome each. */
export class Operations {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  async cancel(job: JobReference, options: CancelOptions = {}): Promise<"cancelled" | "cancelling"> {
    const key = keyOf(job);
    const reason = this.#reason("cancel", options);
    const outcome = await only(key, (keys) => this.#cancel(keys, reason));
    if (outcome === "cancelled" || outcome === "cancelling") return outcome;
    throw await this.#refusal(key, outcome === "unknown", "cancelled", "it must not have ended");
  }

  async cancelMany(
    jobs: readonly JobReference[],
    options: CancelOptions = {},
  ): Promise<readonly JobOutcome<CancelOutcome>[]> {
    const reason = this.#reason("cancelMany", options);
    return this.#cancel(keysOf(jobs), reason);
  }

  async retry(job: JobReference): Promise<void> {
    const key = keyOf(job);
    const outcome = await only(key, (keys) => this.#retry(keys));
    if (outcome === "retried") return;
    throw await this.#refusal(key, outcome === "unknown", "retried", "it must be failed or cancelled");
  }

  async retryMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<RetryOutcome>[]> {
    return this.#retry(keysOf(jobs));
  }

  async remove(job: JobReference, options: RemoveJobOptions = {}): Promise<void> {
    const key = keyOf(job);
    const { force } = parseOptions("remove", removeSchema, options);
    const outcome = await only(key, (keys) => this.#remove(keys, force));
    if (outcome === "removed") return;
    throw await this.#refusal(
      key,
      outcome === "unknown",
      "removed",
      "cancel it first, or pass `force: true`",
    );
  }

  async removeMany(
    jobs: readonly JobReference[],
    options: RemoveJobOptions = {},
  ): Promise<readonly JobOutcome<RemoveOutcome>[]> {
    const { force } = parseOptions("removeMany", removeSchema, options);
    return this.#remove(keysOf(jobs), force);
  }

  async promote(job: JobReference): Promise<void> {
    const key = keyOf(job);
    const outcome = await only(key, (keys) => this.#promote(keys));
    if (outcome === "promoted") return;
    throw await this.#refusal(key, outcome === "unknown", "promoted", "it must be scheduled");
  }

  async promoteMany(jobs: readonly JobReference[]): Promise<readonly JobOutcome<PromoteOutcome>[]> {
    return this.#promote(keysOf(jobs));
  }

  async #cancel(keys: readonly JobKey[], reason: string): Promise<readonly JobOutcome<CancelOutcome>[]> {
    const operate = this.#context.facet("operate");
    const outcomes = await each(keys, (some) => operate.cancel(some, reason));
    const cancelling = outcomes.filter(({ outcome }) => outcome === "cancelling").map(({ id }) => id);
    if (cancelling.length > 0) noticeCancel(this.#context.engine, cancelling, reason);
    return outcomes;
  }

  #retry(keys: readonly JobKey[]): Promise<readonly JobOutcome<RetryOutcome>[]> {
    const operate = this.#context.facet("operate");
    return each(keys, (some) => operate.retry(some));
  }

  #remove(keys: readonly JobKey[], force: boolean): Promise<readonly JobOutcome<RemoveOutcome>[]> {
    const operate = this.#context.facet("operate");
    return each(keys, (some) => operate.remove(some, { force }));
  }

  #promote(keys: readonly JobKey[]): Promise<readonly JobOutcome<PromoteOutcome>[]> {
    const operate = this.#context.facet("operate");
    return each(keys, (some) => operate.promote(some));
  }

  #reason(what: string, options: CancelOptions): string {
    return parseOptions(what, cancelSchema, options).reason ?? DEFAULT_CANCEL_REASON;
  }

  async #refusal(key: JobKey, isUnknown: boolean, participle: string, needs: string): Promise<QueueError> {
    const inspect = this.#context.facet("inspect");
    const [record] = isUnknown ? [] : await inspect.get([key]);
    if (record) {
      return new QueueError(
        "INVALID_STATE",
        `The job ${key.id} is ${record.state}, so it can't be ${participle}: ${needs}.`,
      );
    }
    const [ending] = await inspect.remembered([key]);
    if (!ending) return notFound(key.id);
    return new QueueError(
      "JOB_NOT_FOUND",
      `The job ${key.id} can't be ${participle}: it ${endingText(ending.state)}. ${whyGone(ending.state)}`,
    );
  }
}

async function only<Outcome extends string>(
  key: JobKey,
  operate: (keys: readonly JobKey[]) => Promise<readonly JobOutcome<Outcome>[]>,
): Promise<Outcome> {
  const [result] = await operate([key]);
  return result!.outcome;
}

async function each<Outcome extends string>(
  keys: readonly JobKey[],
  call: (keys: readonly JobKey[]) => Promise<readonly Outcome[]>,
): Promise<readonly JobOutcome<Outcome>[]> {
  const results: JobOutcome<Outcome>[] = [];
  for (let start = 0; start < keys.length; start += MAX_JOBS_A_CALL) {
    const some = keys.slice(start, start + MAX_JOBS_A_CALL);
    const outcomes = await call(some);
    some.forEach(({ id }, index) => {
      results.push({ id, outcome: outcomes[index]! });
    });
  }
  return results;
}
