import { DEFAULT_LIMITS } from "../../contract/limits.ts";
import type { Message } from "../../contract/message.ts";
import { decodeData } from "../../contract/payload.ts";
import type { AttemptOutcome } from "../../engine/core.ts";
import type { AttemptInfo } from "../../middleware/handler-context.ts";
import type { SettledAttempt } from "../../middleware/middleware.ts";
import { type JobError, readJobError } from "../../queue/read/job-error.ts";
import type { Attempt } from "./attempt.ts";
import { toAttemptInfo } from "./attempt-info.ts";

const OUTCOMES = { complete: "completed", retry: "retrying", fail: "failed", cancel: "cancelled" } as const;

/** A settled attempt for middleware. Whatever costs anything is read on access. */
export class LazySettledAttempt implements SettledAttempt {
  readonly #attempt: Attempt;
  readonly #message: Message | undefined;
  /** Undefined when the attempt was released. */
  readonly #end: AttemptOutcome | undefined;
  #job: AttemptInfo | undefined;

  constructor(attempt: Attempt, message: Message | undefined, end: AttemptOutcome | undefined) {
    this.#attempt = attempt;
    this.#message = message;
    this.#end = end;
  }

  get job(): AttemptInfo {
    const { context, job } = this.#attempt;
    this.#job ??= context?.job ?? toAttemptInfo(job, (this.#message?.limits ?? DEFAULT_LIMITS).metadata);
    return this.#job;
  }

  get epoch(): number {
    return this.#attempt.job.epoch;
  }

  get outcome(): SettledAttempt["outcome"] {
    return this.#end ? OUTCOMES[this.#end.type] : "released";
  }

  get data(): unknown {
    const { context } = this.#attempt;
    return context ? context.data : this.#decode();
  }

  get result(): unknown {
    const end = this.#end;
    return end?.type === "complete" && end.result !== undefined ? JSON.parse(end.result) : undefined;
  }

  get resultSize(): number | undefined {
    return this.#end?.type === "complete" ? this.#end.result?.length : undefined;
  }

  get retryDelay(): number | undefined {
    return this.#end?.type === "retry" ? this.#end.delay : undefined;
  }

  get error(): JobError | undefined {
    const end = this.#end;
    return end && end.type !== "complete" ? readJobError(end.error) : undefined;
  }

  /** For an attempt that ended before its handler was called. */
  #decode(): unknown {
    const { version, data: json } = this.#attempt.job.envelope;
    if (!this.#message) return undefined;
    try {
      const data = decodeData(this.#message, version, json);
      if (!(data instanceof Promise)) return data;
      data.catch(() => undefined);
    } catch {
      // The attempt may have ended because of its data.
    }
    return undefined;
  }
}
