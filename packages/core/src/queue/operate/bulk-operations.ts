import { parseOptions } from "../../contract/options.ts";
import type { JobKey, JobSummary } from "../../engine/job.ts";
import { JOB_STATES, type JobState } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { QueueContext } from "../queue-context.ts";
import { fromFilterCursor, toFilterCursor } from "../read/filter-cursor.ts";
import { type JobFilterOptions, jobFilterSchema, toJobFilter } from "../read/job-filter.ts";
import {
  type BulkCancelOptions,
  type BulkOptions,
  type BulkRemoveOptions,
  bulkCancelSchema,
  bulkRemoveSchema,
  bulkSchema,
} from "./bulk-options.ts";
import { noticeCancel } from "./cancel-notices.ts";
import { DEFAULT_CANCEL_REASON } from "./operations.ts";

/** What one step of a bulk operation did. */
export interface BulkStep {
  /** Jobs that the filter selected in this step. */
  readonly matched: number;
  /** Those of them that the operation changed. The rest had changed by themselves meanwhile. */
  readonly changed: number;
  /** For the next step. Absent after the last. */
  readonly cursor?: string;
}

/** The states of jobs that an operation can change, and how to name them. */
interface Target {
  readonly what: string;
  readonly states: readonly JobState[];
  readonly needs: string;
}

const RETRIED: Target = {
  what: "retryMatching",
  states: ["failed", "cancelled"],
  needs: "only failed and cancelled jobs can be retried",
};
const CANCELLED: Target = {
  what: "cancelMatching",
  states: ["blocked", "scheduled", "queued", "active"],
  needs: "only jobs that haven't ended can be cancelled",
};
const PROMOTED: Target = {
  what: "promoteMatching",
  states: ["scheduled"],
  needs: "only scheduled jobs can be promoted",
};
const REMOVED: Target = {
  what: "removeMatching",
  states: JOB_STATES.filter((state) => state !== "active"),
  needs: "active jobs are removed only with `force`",
};

/** Operations on all jobs that a filter selects, from the newest to the oldest, in steps by the caller's cursor. */
export class BulkOperations {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  async retry(filter: JobFilterOptions, options: BulkOptions = {}): Promise<BulkStep> {
    const parsed = parseOptions(RETRIED.what, bulkSchema, options);
    const operate = this.#context.facet("operate");
    return this.#step(RETRIED, filter, parsed, async (jobs, states) =>
      countOf(await operate.retry(jobs, { states }), "retried"),
    );
  }

  async cancel(filter: JobFilterOptions, options: BulkCancelOptions = {}): Promise<BulkStep> {
    const { reason = DEFAULT_CANCEL_REASON, ...parsed } = parseOptions(
      CANCELLED.what,
      bulkCancelSchema,
      options,
    );
    const operate = this.#context.facet("operate");
    return this.#step(CANCELLED, filter, parsed, async (jobs, states) => {
      const outcomes = await operate.cancel(jobs, reason, { states });
      const cancelling = jobs.filter((_, index) => outcomes[index] === "cancelling").map(({ id }) => id);
      if (cancelling.length > 0) noticeCancel(this.#context.engine, cancelling, reason);
      return cancelling.length + countOf(outcomes, "cancelled");
    });
  }

  async promote(filter: JobFilterOptions, options: BulkOptions = {}): Promise<BulkStep> {
    const parsed = parseOptions(PROMOTED.what, bulkSchema, options);
    const operate = this.#context.facet("operate");
    return this.#step(PROMOTED, filter, parsed, async (jobs, states) =>
      countOf(await operate.promote(jobs, { states }), "promoted"),
    );
  }

  async remove(filter: JobFilterOptions, options: BulkRemoveOptions = {}): Promise<BulkStep> {
    const { force, ...parsed } = parseOptions(REMOVED.what, bulkRemoveSchema, options);
    const operate = this.#context.facet("operate");
    const target = force ? { ...REMOVED, states: JOB_STATES } : REMOVED;
    return this.#step(target, filter, parsed, async (jobs, states) => {
      // The removal of a job may have cancelled those of the same step that wait for it.
      const removed = [...new Set<JobState>([...states, "cancelled"])];
      return countOf(await operate.remove(jobs, { states: removed, force }), "removed");
    });
  }

  async #step(
    target: Target,
    given: JobFilterOptions,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
    operate: (jobs: readonly JobKey[], states: readonly JobState[]) => Promise<number>,
  ): Promise<BulkStep> {
    const { what, needs } = target;
    const inspect = this.#context.facet("inspect");
    const conditions = parseOptions(what, jobFilterSchema, given);
    if (Object.values(conditions).every((condition) => condition === undefined)) {
      throw new QueueError(
        "INVALID_OPTIONS",
        `${what}: the filter has no condition, so it would select every job. Give one, such as \`state\` or \`queue\`.`,
      );
    }
    const wanted = await toJobFilter(what, conditions, this.#context, { isContinued: cursor !== undefined });
    const states = target.states.filter((state) => wanted.states?.includes(state) ?? true);
    if (states.length === 0) {
      throw new QueueError("INVALID_OPTIONS", `${what}: ${needs}, and \`state\` names none of them.`);
    }
    const filter = { ...wanted, states };
    const page = await inspect.list({
      filter,
      fields: "summary",
      limit,
      ...(cursor !== undefined && { cursor: fromFilterCursor(what, cursor, filter) }),
    });
    const changed = page.jobs.length === 0 ? 0 : await operate(page.jobs.map(keyOf), states);
    return {
      matched: page.jobs.length,
      changed,
      ...(page.cursor !== undefined && { cursor: toFilterCursor(page.cursor, filter) }),
    };
  }
}

function keyOf({ id, queue }: JobSummary): JobKey {
  return { id, queue };
}

function countOf(outcomes: readonly string[], wanted: string): number {
  return outcomes.filter((outcome) => outcome === wanted).length;
}
