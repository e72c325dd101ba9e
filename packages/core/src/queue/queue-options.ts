import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { MAX_DURATION } from "../contract/duration.ts";
import type { Message } from "../contract/message.ts";
import { duration } from "../contract/options.ts";
import type { Registry } from "../contract/registry.ts";
import type { Engine } from "../engine/engine.ts";
import type { EventSelector } from "../engine/events.ts";
import { JOB_STATES, type JobState, TERMINAL_STATES } from "../engine/state-machine.ts";
import { type Logger, loggerOption } from "../logging/logger.ts";
import type { Middleware } from "../middleware/middleware.ts";
import type { Clock } from "../timing/clock.ts";
import type { JobReference } from "./job-reference.ts";
import {
  instant,
  type JobFilterOptions,
  jobFilterShape,
  type MessageChoice,
  message,
} from "./read/job-filter.ts";
import type { Outbox } from "./send/outbox.ts";

/** What `createQueue` takes. */
export interface QueueOptions<M extends Message = Message> {
  /** The messages that may be sent and handled. */
  readonly registry: Registry<M>;
  /** Where jobs are stored. @default memoryEngine() */
  readonly engine?: Engine | undefined;
  /**
   * Whether `close()` of the last open queue that uses the engine closes the engine too. One queue that says `false`
   * keeps it open for all; close it yourself then. @default true
   */
  readonly closeEngine?: boolean | undefined;
  /** What timers and timestamps of the queue and its workers go by. @default the system's clock */
  readonly clock?: Clock | undefined;
  /** Around every send and every attempt, the first outermost. @default [] */
  readonly middleware?: readonly Middleware[] | undefined;
  /** Takes the sends that are given a `tx`. Workers of the queue run its relay. @default none */
  readonly outbox?: Outbox | undefined;
  /**
   * Where the queue, its workers and its engine log what no call can report: errors of listeners and middleware,
   * losses of the connection. `console` fits. A worker may have its own. @default console
   */
  readonly logger?: Logger | undefined;
}

/** What `list` takes. */
export interface ListOptions<M extends Message = Message> extends JobFilterOptions<M> {
  /** `"summary"` leaves out data, result, progress, failures and logs, which may be large. @default "full" */
  readonly fields?: "full" | undefined;
  /** 1 to 1,000. @default 50 */
  readonly limit?: number | undefined;
  /** From the page before, of the same filter. */
  readonly cursor?: string | undefined;
}

/** What `list` takes for summaries. */
export interface SummaryListOptions<M extends Message = Message> extends Omit<ListOptions<M>, "fields"> {
  readonly fields: "summary";
}

/** What `clean` takes. */
export interface CleanOptions {
  /** Any but `"active"`. */
  readonly state: Exclude<JobState, "active">;
  /** @default all queues */
  readonly queue?: string | undefined;
  /** Only jobs that ended, or of the other states: were stored, at least this long ago. @default 0 */
  readonly olderThan?: Duration | undefined;
  /** At most this many, 1 to 10,000. @default 1_000 */
  readonly limit?: number | undefined;
}

/** What `cancel` takes. */
export interface CancelOptions {
  /**
   * Stored with the job and given to its handler's signal, 1 to 1,000 characters. Half a surrogate pair becomes
   * U+FFFD.
   */
  readonly reason?: string | undefined;
}

/** What `remove` and `removeMany` take. */
export interface RemoveJobOptions {
  /** Removes an active job too: its handler is told to stop, and what it returns is ignored. @default false */
  readonly force?: boolean | undefined;
}

/** What `metrics` takes. */
export interface MetricsOptions {
  /** The first instant to report. Minutes that began before it aren't. */
  readonly since: Date | number;
  /** Whether to count each message of a queue apart. @default false */
  readonly byMessage?: boolean | undefined;
}

/** What `stats` takes. */
export interface StatsOptions {
  /** Whether to add the recent activity of each message. @default false */
  readonly byMessage?: boolean | undefined;
}

/**
 * What `subscribe` takes. A listener is called for the events for which all given conditions hold. The engine knows
 * them: what nobody asks for is neither created nor sent.
 */
export interface SubscribeOptions<M extends Message = Message> {
  /**
   * New states, `"progress"`, and `"requeued"` for jobs that have been claimed, or were retried, and wait again. @default
   * all types
   */
  readonly types?: readonly EventSelector[] | undefined;
  /** @default all queues */
  readonly queues?: readonly string[] | undefined;
  /** Messages or their names, as in filters of `list`. @default all messages */
  readonly messages?: readonly MessageChoice<M>[] | undefined;
  /** Up to 10,000 ids or handles, also of jobs that aren't stored yet. @default all jobs */
  readonly jobs?: readonly JobReference[] | undefined;
  /** Whether events have the `result`, `error` and `progress` of the job. @default false */
  readonly detail?: boolean | undefined;
  /** Called when events may have been missed: the engine's connection was lost, and is back. @default nothing */
  readonly onGap?: (() => void) | undefined;
}

/** What `drain` takes. */
export interface DrainOptions {
  /** Whether to remove scheduled jobs too. @default false */
  readonly scheduled?: boolean | undefined;
  /** Called after each step with the number of jobs removed so far. */
  readonly onProgress?: ((removed: number) => void) | undefined;
}

/** What `obliterate` takes. */
export interface ObliterateOptions {
  /** Whether to remove active jobs too: their handlers are told to stop, and what they return is ignored. @default false */
  readonly force?: boolean | undefined;
  /** Called after each step with the number of jobs removed so far. */
  readonly onProgress?: ((removed: number) => void) | undefined;
}

const HOOKS: readonly string[] = ["send", "run", "progress", "settled", "start"];

/** Instances of classes may have fields of their own. */
function isMiddleware(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const given = HOOKS.map((name) => (value as Record<string, unknown>)[name]).filter(
    (method) => method !== undefined,
  );
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  return (
    given.every((method) => typeof method === "function") &&
    (isPlain ? Object.keys(value).every((name) => HOOKS.includes(name)) : given.length > 0)
  );
}

const hasMethods =
  (...names: readonly string[]) =>
  (value: unknown) =>
    typeof value === "object" &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function");

function isEngine(value: unknown): boolean {
  return hasMethods("enqueue", "claim", "settle")((value as Partial<Engine> | null)?.core);
}

const CLEANED_STATES = ["blocked", "scheduled", "queued", ...TERMINAL_STATES] as const;
const text = z.string().check(z.minLength(1));

const middleware = z.custom<Middleware>(
  isMiddleware,
  `expected { ${HOOKS.map((name) => `${name}?`).join(", ")} }, functions and nothing else`,
);

export const useSchema = z.strictObject({ middleware });

export const queueOptionsSchema = z.strictObject({
  registry: z.custom<Registry>(hasMethods("get", "has"), "expected a registry (createRegistry)"),
  engine: z.optional(z.custom<Engine>(isEngine, "expected an engine")),
  closeEngine: z._default(z.boolean(), true),
  clock: z.optional(z.custom<Clock>(hasMethods("now", "after"), "expected a clock: now() and after()")),
  middleware: z._default(z.array(middleware), []),
  outbox: z.optional(z.custom<Outbox>(hasMethods("add", "start"), "expected an outbox: add() and start()")),
  logger: z.optional(loggerOption()),
});

export const waitSchema = z.strictObject({
  timeout: z.optional(duration()),
  signal: z.optional(
    z.custom<AbortSignal>((value) => value instanceof AbortSignal, "expected an AbortSignal"),
  ),
});

export const cancelReason = z.optional(
  text.check(
    z.maxLength(1_000),
    z.overwrite((reason) => reason.toWellFormed()),
  ),
);

export const cancelSchema = z.strictObject({ reason: cancelReason });

export const removeSchema = z.strictObject({ force: z._default(z.boolean(), false) });

export const listSchema = z.strictObject({
  ...jobFilterShape,
  fields: z._default(z.enum(["full", "summary"]), "full"),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(1_000)), 50),
  cursor: z.optional(text),
});

export const cleanSchema = z.strictObject({
  state: z.enum(CLEANED_STATES),
  queue: z.optional(text),
  olderThan: z._default(duration({ max: MAX_DURATION }), 0),
  limit: z._default(z.int().check(z.minimum(1), z.maximum(10_000)), 1_000),
});

const onProgress = z.optional(
  z.custom<(removed: number) => void>((value) => typeof value === "function", "expected a function"),
);

export const drainSchema = z.strictObject({ scheduled: z._default(z.boolean(), false), onProgress });

export const obliterateSchema = z.strictObject({ force: z._default(z.boolean(), false), onProgress });

export const metricsSchema = z.strictObject({
  since: instant,
  byMessage: z._default(z.boolean(), false),
});

export const statsSchema = z.strictObject({ byMessage: z._default(z.boolean(), false) });

const selector = z.enum([...JOB_STATES, "progress", "requeued"]);

/** Conditions of one subscription, for each list but the jobs: a filter is text that every step of an engine reads. */
const MAX_CONDITIONS = 100;
const conditions = <T extends z.core.SomeType>(of: T) =>
  z.optional(z.array(of).check(z.maxLength(MAX_CONDITIONS)));

export const subscribeSchema = z.strictObject({
  onGap: z.optional(z.custom<() => void>((value) => typeof value === "function", "expected a function")),
  types: conditions(selector),
  queues: conditions(text),
  messages: conditions(message),
  jobs: z.optional(
    z
      .array(z.custom<JobReference>((value) => value !== undefined, "expected a job's id or handle"))
      .check(z.maxLength(10_000)),
  ),
  detail: z._default(z.boolean(), false),
});
