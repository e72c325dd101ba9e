import { parseOptions } from "../../contract/options.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import {
  type CleanOptions,
  cleanSchema,
  type DrainOptions,
  drainSchema,
  type ObliterateOptions,
  obliterateSchema,
} from "../queue-options.ts";
import type { JobFilterOptions } from "../read/job-filter.ts";
import type { BulkOperations } from "./bulk-operations.ts";

const JOBS_PER_STEP = 500;
/** Times that `obliterate` looks for jobs that were sent meanwhile. */
const MAX_PASSES = 10;

function stillActive(queue: string, active: number, removed: number): QueueError {
  const done = removed === 0 ? "Nothing was removed." : `${removed} others were removed, and it is paused.`;
  return new QueueError(
    "INVALID_STATE",
    `The queue ${queue} has ${active} active ${active === 1 ? "job" : "jobs"}. ${done} Pause it and obliterate it once they ` +
      "have ended, or pass `force: true`.",
  );
}

/** Pauses, resumes, cleans and empties whole queues. */
export class QueueControl {
  readonly #context: QueueContext;
  readonly #bulk: BulkOperations;
  readonly #callbacks: CallbackGuard;

  constructor(context: QueueContext, bulk: BulkOperations) {
    this.#context = context;
    this.#bulk = bulk;
    this.#callbacks = new CallbackGuard(logFailure("`onProgress`", () => context.logger));
  }

  async pause(queue: string): Promise<void> {
    const queues = this.#context.facet("queues");
    await assertKnownQueue(queue, this.#context);
    return queues.pause(queue);
  }

  async resume(queue: string): Promise<void> {
    const queues = this.#context.facet("queues");
    await assertKnownQueue(queue, this.#context);
    return queues.resume(queue);
  }

  async clean(options: CleanOptions): Promise<number> {
    const operate = this.#context.facet("operate");
    const { queue, ...request } = parseOptions("clean", cleanSchema, options);
    if (queue !== undefined) await assertKnownQueue(queue, this.#context);
    return operate.clean({ ...request, ...(queue !== undefined && { queue }) });
  }

  async drain(queue: string, options: DrainOptions = {}): Promise<number> {
    const { scheduled, onProgress } = parseOptions("drain", drainSchema, options);
    await assertKnownQueue(queue, this.#context);
    const state = ["queued", "blocked", ...(scheduled ? (["scheduled"] as const) : [])] as const;
    return this.#removeAll({ queue, state }, { onProgress });
  }

  async obliterate(queue: string, options: ObliterateOptions = {}): Promise<number> {
    const { force, onProgress } = parseOptions("obliterate", obliterateSchema, options);
    const queues = this.#context.facet("queues");
    await assertKnownQueue(queue, this.#context);
    const countsNow = async () => (await queues.counts()).find((each) => each.queue === queue);
    const wasPaused = (await countsNow())?.paused ?? false;
    await queues.pause(queue);
    let removed = 0;
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const active = (await countsNow())?.states.active ?? 0;
      if (active > 0 && !force) {
        if (!wasPaused && removed === 0) await queues.resume(queue);
        throw stillActive(queue, active, removed);
      }
      removed += await this.#removeAll({ queue }, { force, onProgress }, removed);
      if (await queues.forget(queue)) return removed;
    }
    throw new QueueError(
      "INVALID_STATE",
      `The queue ${queue} got new jobs as fast as they were removed. It is paused. Stop its senders, then obliterate it again.`,
    );
  }

  /** From the newest job of now on, so that it ends while others are sent. */
  async #removeAll(
    filter: JobFilterOptions,
    { force = false, onProgress }: ObliterateOptions,
    before = 0,
  ): Promise<number> {
    let removed = 0;
    let cursor: string | undefined;
    do {
      const step = await this.#bulk.remove(filter, { limit: JOBS_PER_STEP, cursor, force });
      removed += step.changed;
      cursor = step.cursor;
      if (onProgress) this.#callbacks.call(onProgress, before + removed);
    } while (cursor !== undefined);
    return removed;
  }
}
