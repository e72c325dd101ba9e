import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { JobRecord } from "../../engine/job.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import { type Coverage, coverageOf, describeMissing, type MessageInQueue } from "../report/coverage.ts";

const MINUTE = 60_000;

/** No worker handles a job's message in its version, as far as is known. */
export interface UnhandledReason {
  readonly text: string;
  readonly kind: "unhandled";
  readonly queue: string;
  readonly messageType: string;
  readonly version: number;
  /** How many live workers serve its queue. Absent where the engine keeps no list of them. */
  readonly workers?: number;
  /** The newest version that these handle. Absent when none handles the message. */
  readonly handledUpTo?: number;
  /** How often workers that don't handle it gave it back. */
  readonly bounces: number;
}

function messageOf({ queue, envelope }: JobRecord): MessageInQueue {
  return { queue, message: envelope.messageType, version: envelope.version };
}

/** Which live workers can run a job. `undefined` where the engine keeps no list of them. */
export async function readCoverage(engine: Engine, record: JobRecord): Promise<Coverage | undefined> {
  return engine.workers && coverageOf(messageOf(record), await engine.workers.list());
}

/** What is known, if anything is, of a job's lack of workers. */
export function unhandled(record: JobRecord, coverage: Coverage | undefined): readonly UnhandledReason[] {
  if (coverage && !coverage.isHandled) return [withoutWorker(record, coverage)];
  const hasWaited = record.state !== "active" && !isTerminal(record.state);
  return record.bounces > 0 && hasWaited ? [givenBack(record)] : [];
}

function withoutWorker(record: JobRecord, coverage: Coverage): UnhandledReason {
  const { serving, handledUpTo } = coverage;
  const { text, remedy } = describeMissing(messageOf(record), coverage);
  return {
    ...reasonOf(record),
    workers: serving,
    ...(handledUpTo !== undefined && { handledUpTo }),
    text: `${text} ${remedy} The job stays queued until then.`,
  };
}

function givenBack(record: JobRecord): UnhandledReason {
  const { envelope, queue, bounces, attempt } = record;
  const what = `${envelope.messageType} in version ${envelope.version}`;
  const who =
    attempt === 0
      ? `No worker of its queue that claimed it handles ${what}`
      : `Workers that don't handle ${what} claimed it`;
  const text =
    `${who}: given back ${bounces === 1 ? "once" : `${bounces} times`}. ` +
    `Add a handler for it to the workers that serve the queue ${queue}.`;
  return { ...reasonOf(record), text };
}

function reasonOf({ envelope, queue, bounces }: JobRecord): Omit<UnhandledReason, "text"> {
  return {
    kind: "unhandled",
    queue,
    messageType: envelope.messageType,
    version: envelope.version,
    bounces,
  };
}

/** Whether a worker has taken a job of the queue in this minute or the one before it. */
export async function wasServed(engine: Engine, queue: string, now: number): Promise<boolean> {
  const buckets = await facetOf(engine, "queues").metrics({ since: (Math.floor(now / MINUTE) - 1) * MINUTE });
  return buckets.some((bucket) => bucket.queue === queue && bucket.waiting.some((count) => count > 0));
}
