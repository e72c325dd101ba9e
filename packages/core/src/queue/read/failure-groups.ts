import * as z from "zod/mini";
import type { Message } from "../../contract/message.ts";
import { parseOptions } from "../../contract/options.ts";
import type { FailureGroupRecord } from "../../engine/failure-groups.ts";
import { filteredMessage } from "../known-message.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { fromFilterCursor, toFilterCursor } from "./filter-cursor.ts";
import { fingerprint, type MessageChoice, message as messageOption } from "./job-filter.ts";

/** What `failureGroups` takes. */
export interface FailureGroupsOptions<M extends Message = Message> {
  /** @default all messages */
  readonly message?: MessageChoice<M> | undefined;
  /** @default all queues */
  readonly queue?: string | undefined;
  /** 1 to 100. @default 20 */
  readonly limit?: number | undefined;
  /** From the page before, of the same message and queue. */
  readonly cursor?: string | undefined;
}

/** Failures that are alike: of one message, with one code and text, from one place in the app's code. */
export interface FailureGroup<M extends Message = Message> {
  /** For `list({ failureGroup })` and `forgetFailureGroups`. The same after a restart, and in each process. */
  readonly fingerprint: string;
  readonly messageType: M["name"];
  /** Of the latest failure. */
  readonly queue: string;
  readonly code: string;
  /** The error's text, with placeholders such as `<number>` for what differs from job to job. */
  readonly title: string;
  /** The app's function and file that failed, if the stack tells. */
  readonly frame?: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** Failures that ended their job. */
  readonly failed: number;
  /** Attempts that failed and were followed by another, or will be. */
  readonly retried: number;
  /** Oldest first: those of the two days up to the latest failure that have any. */
  readonly hours: readonly FailureHour[];
  /** Ids of jobs with such a failure that are still stored: the newest ten, newest first. */
  readonly samples: readonly string[];
}

export interface FailureHour {
  /** The hour's first instant. */
  readonly at: Date;
  readonly failed: number;
  readonly retried: number;
}

/** One page of failure groups, the latest failure first. */
export interface FailureGroupList<M extends Message = Message> {
  readonly groups: readonly FailureGroup<M>[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

const optionsSchema = z.strictObject({
  message: z.optional(messageOption),
  queue: z.optional(z.string().check(z.minLength(1))),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(100)), 20),
  cursor: z.optional(z.string().check(z.minLength(1))),
});

const forgetSchema = z.strictObject({ fingerprints: z.array(fingerprint).check(z.maxLength(1_000)) });

export async function readFailureGroups(
  context: QueueContext,
  options: FailureGroupsOptions = {},
): Promise<FailureGroupList> {
  const inspect = context.facet("inspect");
  const { message, queue, limit, cursor } = parseOptions("failureGroups", optionsSchema, options);
  if (queue !== undefined) await assertKnownQueue(queue, context);
  const filter = {
    ...(queue !== undefined && { queue }),
    ...(message !== undefined && { messageType: await filteredMessage("failureGroups", context, message) }),
  };
  const page = await inspect.failureGroups({
    ...filter,
    limit,
    ...(cursor !== undefined && { cursor: fromFilterCursor("failureGroups", cursor, filter) }),
  });
  return {
    groups: page.groups.map(toGroup),
    ...(page.cursor !== undefined && { cursor: toFilterCursor(page.cursor, filter) }),
  };
}

/** Answers how many of them there were. */
export async function forgetFailureGroups(
  context: QueueContext,
  fingerprints: readonly string[],
): Promise<number> {
  const operate = context.facet("operate");
  const parsed = parseOptions("forgetFailureGroups", forgetSchema, { fingerprints });
  const outcomes = await operate.forgetFailureGroups(parsed.fingerprints);
  return outcomes.filter((outcome) => outcome === "forgotten").length;
}

function toGroup({ firstAt, lastAt, hours, ...rest }: FailureGroupRecord): FailureGroup {
  return {
    ...rest,
    firstAt: new Date(firstAt),
    lastAt: new Date(lastAt),
    hours: hours.map(({ hour, ...counts }) => ({ at: new Date(hour), ...counts })),
  };
}
