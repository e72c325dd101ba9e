import type { JobResult, Message } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import type { JobCount } from "../../engine/inspect.ts";
import { type JobReference, keyOf, keysOf } from "../job-reference.ts";
import type { QueueContext } from "../queue-context.ts";
import { type ListOptions, listSchema, type SummaryListOptions, waitSchema } from "../queue-options.ts";
import { explain, type JobExplanation } from "./explain.ts";
import { fromFilterCursor, toFilterCursor } from "./filter-cursor.ts";
import { type JobFilterOptions, jobFilterSchema, toJobFilter } from "./job-filter.ts";
import { readOutcome } from "./job-outcome.ts";
import { type JobSnapshot, toSnapshot } from "./job-snapshot.ts";
import { type JobSummarySnapshot, toSummarySnapshot } from "./job-summary.ts";
import type { JobWaits, WaitOptions } from "./job-waits.ts";

/** One page of jobs, newest first. */
export interface JobList<M extends Message = Message> extends JobListPage {
  readonly jobs: readonly JobSnapshot<M>[];
}

/** One page of summaries, newest first. */
export interface JobSummaryList<M extends Message = Message> extends JobListPage {
  readonly jobs: readonly JobSummarySnapshot<M>[];
}

interface JobListPage {
  /** Absent on the last page. */
  readonly cursor?: string;
  /**
   * False if the engine stopped before the page was full, since it has no index for the filter: it looks at some ten
   * thousand jobs per call. Go on with `cursor`.
   */
  readonly complete: boolean;
}

/** Reads jobs for people, and waits for their ends. */
export class JobReader {
  readonly #context: QueueContext;
  readonly #waits: JobWaits;

  constructor(context: QueueContext, waits: JobWaits) {
    this.#context = context;
    this.#waits = waits;
  }

  async get(job: JobReference): Promise<JobSnapshot | null> {
    const [record] = await this.#context.facet("inspect").get([keyOf(job)]);
    return record ? toSnapshot(record, this.#context.registry) : null;
  }

  async getMany(jobs: readonly JobReference[]): Promise<readonly (JobSnapshot | null)[]> {
    const records = await this.#context.facet("inspect").get(keysOf(jobs));
    return Promise.all(records.map((record) => record && toSnapshot(record, this.#context.registry)));
  }

  /** `arrivalTimeout`: milliseconds that a job which isn't stored yet is given. */
  async wait(
    job: JobReference,
    options: WaitOptions = {},
    arrivalTimeout = 0,
  ): Promise<JobResult<Message> | undefined> {
    this.#context.facet("inspect");
    const limits = parseOptions("wait", waitSchema, options);
    const ending = await this.#waits.wait(keyOf(job), { ...limits, arrivalTimeout });
    return readOutcome(ending, this.#context.registry) as JobResult<Message>;
  }

  async explain(job: JobReference): Promise<JobExplanation> {
    this.#context.facet("inspect");
    return explain(this.#context.engine, keyOf(job), this.#context.clock.now());
  }

  async count(filter: JobFilterOptions = {}): Promise<JobCount> {
    const inspect = this.#context.facet("inspect");
    const conditions = parseOptions("count", jobFilterSchema, filter);
    return inspect.count(await toJobFilter("count", conditions, this.#context));
  }

  async list(options: ListOptions | SummaryListOptions = {}): Promise<JobList | JobSummaryList> {
    const inspect = this.#context.facet("inspect");
    const { fields, limit, cursor, ...conditions } = parseOptions("list", listSchema, options);
    const filter = await toJobFilter("list", conditions, this.#context, {
      isContinued: cursor !== undefined,
    });
    const request = {
      filter,
      limit,
      ...(cursor !== undefined && { cursor: fromFilterCursor("list", cursor, filter) }),
    };
    const rest = ({ cursor: next, complete }: JobListPage) => ({
      ...(next !== undefined && { cursor: toFilterCursor(next, filter) }),
      complete,
    });
    if (fields === "summary") {
      const page = await inspect.list({ ...request, fields });
      return { jobs: page.jobs.map(toSummarySnapshot), ...rest(page) };
    }
    const page = await inspect.list({ ...request, fields });
    const jobs = await Promise.all(page.jobs.map((record) => toSnapshot(record, this.#context.registry)));
    return { jobs, ...rest(page) };
  }
}
