import * as z from "zod/mini";
import type { SearchablePath } from "../../contract/field-paths.ts";
import type { Message } from "../../contract/message.ts";
import { isWellFormed, MAX_KEY_LENGTH, NOT_WELL_FORMED } from "../../contract/names.ts";
import { SHOWN } from "../../contract/option-issues.ts";
import type { Registry } from "../../contract/registry.ts";
import { FINGERPRINT_PATTERN } from "../../engine/failure-groups.ts";
import type { JobFilter, JobSearch } from "../../engine/job-filter.ts";
import { isTerminal, JOB_STATES, type JobState } from "../../engine/state-machine.ts";
import { describeValue } from "../../errors/describe-value.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { filteredMessage } from "../known-message.ts";
import { assertKnownQueue } from "../known-queue.ts";
import type { QueueContext } from "../queue-context.ts";
import { MAX_SEARCHABLE_BYTES, type SearchValue, searchText } from "../send/search-values.ts";

/** Which jobs: those of which each condition that is given holds. Of a list, one entry has to hold. */
export interface JobFilterOptions<M extends Message = Message> {
  /** @default all states */
  readonly state?: JobState | readonly JobState[] | undefined;
  /** @default all queues */
  readonly queue?: string | readonly string[] | undefined;
  /**
   * Only jobs of these messages, or of these names, in any version; also of other apps' messages. A name like one of the
   * registry's is refused as misspelt if no live worker handles it and no job of it is found. @default all messages
   */
  readonly message?: MessageChoice<M> | readonly MessageChoice<M>[] | undefined;
  readonly userId?: string | undefined;
  readonly orderingKey?: string | undefined;
  /** Only jobs with a failure of this group: a fingerprint of `failureGroups`. */
  readonly failureGroup?: string | undefined;
  /** Only jobs that the engine stored at this instant or later: their `createdAt`. */
  readonly sentFrom?: Date | number | undefined;
  /** Only jobs that the engine stored before this instant. */
  readonly sentTo?: Date | number | undefined;
  /** Only jobs that have ended, at this instant or later. */
  readonly finishedFrom?: Date | number | undefined;
  /** Only jobs that have ended, before this instant. */
  readonly finishedTo?: Date | number | undefined;
  /**
   * Only jobs of which each of these searchable fields has this value: of the one `message` given, in any version. Keys
   * are the paths that it declares `searchable`; values are as the app has them, and are encoded as its schema does.
   */
  readonly search?: SearchOptions<M> | undefined;
}

/** A message, or the name of one: of the registry, or of another app's. */
export type MessageChoice<M extends Message = Message> = M | M["name"] | (string & {});

/** Values by the paths of scalars in the data of the registry's messages. */
export type SearchOptions<M extends Message = Message> = {
  readonly [Path in SearchablePathOf<M>]?: SearchValue | undefined;
};

type SearchablePathOf<M extends Message> = M extends Message ? SearchablePath<M["data"]> : never;

const MAX_NAMES = 1_000;
const text = z.string().check(z.minLength(1));
const key = text.check(
  z.maxLength(MAX_KEY_LENGTH),
  z.refine(isWellFormed, { error: NOT_WELL_FORMED, params: SHOWN }),
);
const state = z.enum(JOB_STATES);

export const message = z.union(
  [text, z.custom<Message>((value) => typeof value === "object" && value !== null && !Array.isArray(value))],
  { error: "expected a message or its name" },
);

export const instant = z.custom<Date | number>(
  (value) => (typeof value === "number" || value instanceof Date) && Number.isFinite(Number(value)),
  { error: "expected a date, or milliseconds since the epoch", params: SHOWN },
);

export const fingerprint = z
  .string()
  .check(z.regex(FINGERPRINT_PATTERN, "expected the fingerprint of a failure group"));

const oneOrMore = <T extends z.core.$ZodType>(one: T, error: string) =>
  z.optional(z.union([one, z.readonly(z.array(one).check(z.maxLength(MAX_NAMES)))], { error }));

/** The members of `JobFilterOptions`. */
export const jobFilterShape = {
  state: oneOrMore(state, `expected a state, or an array of them: ${JOB_STATES.join(", ")}`),
  queue: oneOrMore(text, `expected a queue, or an array of at most ${MAX_NAMES}`),
  message: oneOrMore(message, `expected a message or its name, or an array of at most ${MAX_NAMES}`),
  userId: z.optional(key),
  orderingKey: z.optional(key),
  failureGroup: z.optional(fingerprint),
  sentFrom: z.optional(instant),
  sentTo: z.optional(instant),
  finishedFrom: z.optional(instant),
  finishedTo: z.optional(instant),
  search: z.optional(
    z.custom<SearchOptions>(
      (value) => typeof value === "object" && value !== null && Object.values(value).every(isSearchValue),
      "expected an object of searchable fields and their values: texts, numbers, booleans, bigints or dates",
    ),
  ),
};

export const jobFilterSchema = z.strictObject(jobFilterShape);

function isSearchValue(value: unknown): boolean {
  return (
    ["string", "number", "boolean", "bigint", "undefined"].includes(typeof value) || value instanceof Date
  );
}

/**
 * What engines take for a filter. Equal filters give equal texts as JSON.
 *
 * @throws {QueueError} `INVALID_OPTIONS` for what no job can match, `UNKNOWN_MESSAGE`.
 */
export async function toJobFilter(
  what: string,
  options: JobFilterOptions,
  context: QueueContext,
  { isContinued = false }: { readonly isContinued?: boolean } = {},
): Promise<JobFilter> {
  const { state, queue, message, userId, orderingKey, failureGroup } = options;
  const states = state === undefined ? undefined : listOf(state);
  const queues = queue === undefined ? undefined : listOf(queue);
  for (const name of queues ?? []) await assertKnownQueue(name, context);
  // By a later page, the last job of a message may be gone.
  const nameOf = (one: Message | string) =>
    isContinued && typeof one === "string" ? one : filteredMessage(what, context, one);
  const messages =
    message === undefined ? undefined : listOf(await Promise.all([message].flat().map(nameOf)));
  const search = options.search && (await toSearch(what, options.search, messages, context.registry));
  const sent = boundsOf(what, "sent", options.sentFrom, options.sentTo);
  const finished = boundsOf(what, "finished", options.finishedFrom, options.finishedTo);
  if (finished && states && !states.some((name) => isTerminal(name))) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `${what}: jobs that are ${states.join(" or ")} haven't ended, so none has a time at which it finished. ` +
        "Ask for completed, failed or cancelled ones, or leave out finishedFrom and finishedTo.",
    );
  }
  return {
    ...(states && { states }),
    ...(queues && { queues }),
    ...(messages && !search && { messages }),
    ...(userId !== undefined && { userId }),
    ...(orderingKey !== undefined && { orderingKey }),
    ...(failureGroup !== undefined && { failureGroup }),
    ...(search && { search }),
    ...sent,
    ...finished,
  };
}

/** The message goes into the search: in the filter it would be checked again for each job. */
async function toSearch(
  what: string,
  wanted: SearchOptions,
  messages: readonly string[] | undefined,
  registry: Registry,
): Promise<JobSearch> {
  const refuse = (text: string) => new QueueError("INVALID_OPTIONS", `${what}: ${text}`);
  const [name, ...others] = messages ?? [];
  if (name === undefined || others.length > 0) {
    throw refuse("`search` needs the message whose fields it names. Pass one `message`.");
  }
  const message = registry.get(name);
  if (!message) throw refuse(`\`search\` needs the contract of ${name}. Add the message to createRegistry.`);
  const { searchable } = message;
  if (searchable.length === 0) {
    throw refuse(
      `${name} has no searchable fields. Declare them with defineMessage(…, { searchable: […] }); jobs sent from then on ` +
        "can be searched.",
    );
  }
  const values: Record<string, string> = {};
  const given = Object.entries(wanted).filter(
    (entry): entry is [string, SearchValue] => entry[1] !== undefined,
  );
  for (const [field, value] of given.sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!searchable.includes(field)) {
      throw refuse(
        `${describeValue(field)} isn't a searchable field of ${name}. Its searchable fields: ${searchable.join(", ")}.`,
      );
    }
    const text = await searchText(message, field, value);
    if (text === undefined) {
      throw refuse(
        `no job can be found by this value of ${field}: only well-formed values of up to ${MAX_SEARCHABLE_BYTES} bytes are ` +
          "indexed.",
      );
    }
    values[field] = text;
  }
  if (Object.keys(values).length === 0) throw refuse("`search` names no field. Leave it out, or name one.");
  return { message: name, values };
}

function listOf<T extends string>(given: T | readonly T[]): readonly T[] {
  return [...new Set([given].flat() as T[])].sort();
}

function boundsOf<Name extends "sent" | "finished">(
  what: string,
  name: Name,
  from: Date | number | undefined,
  to: Date | number | undefined,
): Pick<JobFilter, `${Name}From` | `${Name}To`> | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && Number(from) >= Number(to)) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `${what}: ${name}From must be before ${name}To, which is exclusive. No job is between them.`,
    );
  }
  return {
    ...(from !== undefined && { [`${name}From`]: Number(from) }),
    ...(to !== undefined && { [`${name}To`]: Number(to) }),
  } as Pick<JobFilter, `${Name}From` | `${Name}To`>;
}
