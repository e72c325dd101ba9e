import type { JobResult, Message } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import { type JobReference, keyOf, keysOf } from "../job-reference.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { type ListOptions, listSchema, waitSchema } from "../queue-options.ts";
import { explain, type JobExplanation } from "./explain.ts";
import { readOutcome } from "./job-outcome.ts";
import { type JobSnapshot, toSnapshot } from "./job-snapshot.ts";
import type { JobWaits, WaitOptions } from "./job-waits.ts";

/** One page of jobs, newest first. Without a `cursor` it is the last. */
export interface JobList<M extends Message = Message> {
  readonly jobs: readonly JobSnapshot<M>[];
  readonly cursor?: string;
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

  async list(options: ListOptions = {}): Promise<JobList> {
    const inspect = this.#context.facet("inspect");
    const { state, queue, message, limit, cursor } = parseOptions("list", listSchema, options);
    if (queue !== undefined) await assertKnownQueue(queue, this.#context);
    const page = await inspect.list({
      limit,
      ...(state !== undefined && { states: [state].flat() }),
      ...(queue !== undefined && { queue }),
      ...(message !== undefined && { messageType: typeof message === "string" ? message : message.name }),
      ...(cursor !== undefined && { cursor }),
    });
    const jobs = await Promise.all(page.jobs.map((record) => toSnapshot(record, this.#context.registry)));
    return { jobs, ...(page.cursor !== undefined && { cursor: page.cursor }) };
  }
}
