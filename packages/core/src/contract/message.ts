import * as z from "zod/mini";
import type { Issue } from "../errors/queue-error.ts";
import { definitionSchema } from "./definition.ts";
import type { Duration } from "./duration.ts";
import type { SearchablePath, SensitivePath, WireInput } from "./field-paths.ts";
import type { Limits } from "./limits.ts";
import { NAME_PATTERN } from "./names.ts";
import { checkOptions } from "./options.ts";
import type { Retention } from "./retention.ts";
import { type Codec, createCodec, formatIssues, type Received, type Schema, type Sent } from "./schema.ts";

/** The pause between two attempts. */
export interface Backoff {
  /** `exponential`: delay, 2 × delay, 4 × delay …; `fixed`: always delay. */
  readonly type: "exponential" | "fixed";
  readonly delay: Duration;
  /** Upper bound of the pause. @default "1h" */
  readonly maxDelay?: Duration | undefined;
  /** Random share of the pause, 0 to 1, so that jobs that failed together retry apart. @default 0 */
  readonly jitter?: number | undefined;
}

export interface RetryPolicy {
  /** Total attempts, including the first: 1 to 1000. @default 3 */
  readonly attempts?: number | undefined;
  /** @default { type: "exponential", delay: "2s" } */
  readonly backoff?: Backoff | undefined;
}

export interface RetainPolicy {
  /** @default { age: "1h", count: 1_000 } */
  readonly completed?:
    | { readonly age?: Duration | undefined; readonly count?: number | undefined }
    | undefined;
  /** Failed and cancelled jobs. @default { age: "7d", count: 10_000 } */
  readonly failed?: { readonly age?: Duration | undefined; readonly count?: number | undefined } | undefined;
}

/** The values of a job that have a schema. */
export type MessagePart = "data" | "result" | "progress";

export interface SensitivePaths<
  Data extends Schema,
  Result extends Schema | undefined,
  Progress extends Schema | undefined,
> {
  readonly data?: true | readonly SensitivePath<Data>[] | undefined;
  readonly result?: true | readonly SensitivePath<Result>[] | undefined;
  readonly progress?: true | readonly SensitivePath<Progress>[] | undefined;
}

/** The definition that `defineMessage` takes. */
export interface MessageDefinition<
  Data extends Schema,
  Result extends Schema | undefined,
  Progress extends Schema | undefined,
> {
  readonly data: Data;
  /** What the handler returns. Without it, a handler returns nothing. */
  readonly result?: Result | undefined;
  /** What the handler reports on its way. Without it, a handler can't report progress. */
  readonly progress?: Progress | undefined;
  /** A short name for people: in dashboards, and in the message's JSON Schema. */
  readonly title?: string | undefined;
  /** What the message is for, in one or a few sentences. */
  readonly description?: string | undefined;
  /** Data as it travels in JSON, up to twenty: a date of a codec is its text. `createRegistry` validates them. */
  readonly examples?: readonly WireInput<Data>[] | undefined;
  /**
   * Up to four paths to scalars in the JSON side of the data, such as `"client.id"`, by which
   * `queue.list` finds jobs. Values of more than 64 bytes of UTF-8 aren't indexed. Jobs sent before a path was declared
   * aren't found by it.
   */
  readonly searchable?: readonly SearchablePath<Data>[] | undefined;
  /**
   * What `redact` and `toWire` mask: paths to members with all that is below them, or `true` for
   * everything. `*` stands for each element of an array and each value of a record.
   *
   * @example { data: ["card", "guests.*.email"], result: true }
   */
  readonly sensitive?: SensitivePaths<Data, Result, Progress> | undefined;
  /** Increase it when the data changes shape. @default 1 */
  readonly version?: number | undefined;
  /** Keyed by the older version: converts its wire data to the next version's. */
  // biome-ignore lint/suspicious/noExplicitAny: an older version's data has no type any more
  readonly upcast?: Readonly<Record<number, (data: any) => unknown>> | undefined;
  /** @default "default" */
  readonly queue?: string | undefined;
  /** 0 (most urgent) to 1000. @default 0 */
  readonly priority?: number | undefined;
  /** Jobs of one queue with the same key run one at a time, in the order they were sent. */
  readonly orderingKey?: ((data: Sent<Data>) => string | undefined) | undefined;
  /** Whether a failed job lets the next job of its key run, or holds it. @default "continue" */
  readonly onOrderingFailure?: "continue" | "hold" | undefined;
  readonly retry?: RetryPolicy | undefined;
  /**
   * Longest an attempt may run. Then its signal aborts, and `timeoutGrace` starts. Without it, an attempt may run as
   * long as its worker does.
   */
  readonly timeout?: Duration | undefined;
  /**
   * Time for a handler to stop after its `timeout`. A completion within it counts; after it the attempt fails with
   * `TIMEOUT`, whatever the handler does later. @default "5s"
   */
  readonly timeoutGrace?: Duration | undefined;
  /** Crashes or freezes of a worker after which the job fails as `STALLED`. @default 3 */
  readonly maxStalls?: number | undefined;
  readonly retain?: RetainPolicy | undefined;
  readonly limits?: { readonly [Name in keyof Limits]?: Limits[Name] | undefined } | undefined;
}

/** A named, versioned contract with its policies resolved. Made by `defineMessage`. */
export interface Message<
  Name extends string = string,
  Data extends Schema = Schema,
  Result extends Schema | undefined = Schema | undefined,
  Progress extends Schema | undefined = Schema | undefined,
> {
  readonly name: Name;
  readonly version: number;
  readonly queue: string;
  readonly data: Data;
  readonly result: Result;
  readonly progress: Progress;
  readonly title: string | undefined;
  readonly description: string | undefined;
  /** Data as JSON, frozen. */
  readonly examples: readonly unknown[];
  readonly searchable: readonly string[];
  /** Paths into each part. `""` is all of it. */
  readonly sensitive: Readonly<Record<MessagePart, readonly string[]>>;
  /** @internal */
  readonly codecs: { readonly data: Codec; readonly result?: Codec; readonly progress?: Codec };
  /** Steps from older versions, keyed by the version they start from. */
  // biome-ignore lint/suspicious/noExplicitAny: an older version's data has no type any more
  readonly upcast: Readonly<Record<number, (data: any) => unknown>>;
  readonly priority: number;
  // biome-ignore lint/suspicious/noExplicitAny: a method, so that messages of all data types share a type
  orderingKey(data: any): string | undefined;
  readonly onOrderingFailure: "continue" | "hold";
  readonly attempts: number;
  /** Durations in milliseconds. */
  readonly backoff: {
    readonly type: "exponential" | "fixed";
    readonly delay: number;
    readonly maxDelay: number;
    readonly jitter: number;
  };
  /** Milliseconds, or `undefined` for none. */
  readonly timeout: number | undefined;
  /** Milliseconds. */
  readonly timeoutGrace: number;
  readonly maxStalls: number;
  readonly retain: Retention;
  readonly limits: Limits;
  /** What is wrong with the definition, its schemas aside. `createRegistry` refuses messages that have any. */
  readonly problems: readonly string[];
}

/** What `send` takes. */
export type SendData<M extends Message> = Sent<M["data"]>;
/** What a handler gets. */
export type HandlerData<M extends Message> = Received<M["data"]>;
/** What a handler returns. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler without a result schema returns nothing
export type HandlerResult<M extends Message> = M["result"] extends Schema ? Sent<M["result"]> : void;
/** What `wait` returns. */
export type JobResult<M extends Message> = M["result"] extends Schema ? Received<M["result"]> : undefined;
/** What a handler may report. */
export type ReportedProgress<M extends Message> = M["progress"] extends Schema ? Sent<M["progress"]> : never;
/** What a reader of a job's progress gets. */
export type JobProgress<M extends Message> = M["progress"] extends Schema
  ? Received<M["progress"]>
  : undefined;

const HOUR = 3_600_000;

/**
 * Declares a message: its name, its schemas and its policies. Isomorphic: safe to import in a browser.
 *
 * Problems with the definition don't throw here. `createRegistry` reports those of all messages at once.
 *
 * @example
 * const planCreate = defineMessage("WORKOUT_PLAN_CREATE", {
 *   data: z.object({ planId: z.uuid(), name: z.string().min(1) }),
 *   result: z.object({ planId: z.uuid() }),
 *   queue: "workouts",
 *   orderingKey: (data) => data.planId,
 * });
 */
export function defineMessage<
  const Name extends string,
  Data extends Schema,
  Result extends Schema | undefined = undefined,
  Progress extends Schema | undefined = undefined,
>(name: Name, definition: MessageDefinition<Data, Result, Progress>): Message<Name, Data, Result, Progress> {
  const parsed = checkOptions(definitionSchema, definition);
  const ownProblems = parsed.ok ? [] : parsed.issues.map((issue) => formatIssues([issue]));
  if (typeof name !== "string" || !NAME_PATTERN.test(name)) {
    ownProblems.push(`the name must match ${NAME_PATTERN.source}`);
  }
  // A message with problems still exists, so that a registry can report them together with those of its valid options.
  const options = parsed.ok ? parsed.value : validOptions(definition, parsed.issues);
  ownProblems.push(...findUpcastGaps(options.version, Object.keys(options.upcast).map(Number)));

  const { retry = {}, retain = {}, orderingKey, sensitive } = options;
  const sensitivePaths = (paths: true | readonly string[] = []) =>
    Object.freeze(paths === true ? [""] : [...paths]);
  return Object.freeze<Message<Name, Data, Result, Progress>>({
    name,
    version: options.version,
    queue: options.queue,
    data: options.data as Data,
    result: options.result as Result,
    progress: options.progress as Progress,
    title: options.title,
    description: options.description,
    examples: Object.freeze(options.examples),
    searchable: Object.freeze([...options.searchable]),
    sensitive: Object.freeze({
      data: sensitivePaths(sensitive.data),
      result: sensitivePaths(sensitive.result),
      progress: sensitivePaths(sensitive.progress),
    }),
    codecs: {
      data: createCodec(options.data),
      ...(options.result && { result: createCodec(options.result) }),
      ...(options.progress && { progress: createCodec(options.progress) }),
    },
    upcast: options.upcast,
    priority: options.priority,
    orderingKey: (data) => orderingKey?.(data) as string | undefined,
    onOrderingFailure: options.onOrderingFailure,
    attempts: retry.attempts ?? 3,
    backoff: {
      type: retry.backoff?.type ?? "exponential",
      delay: retry.backoff?.delay ?? 2_000,
      maxDelay: retry.backoff?.maxDelay ?? HOUR,
      jitter: retry.backoff?.jitter ?? 0,
    },
    timeout: options.timeout,
    timeoutGrace: options.timeoutGrace,
    maxStalls: options.maxStalls,
    retain: {
      completed: { age: retain.completed?.age ?? HOUR, count: retain.completed?.count ?? 1_000 },
      failed: { age: retain.failed?.age ?? 7 * 24 * HOUR, count: retain.failed?.count ?? 10_000 },
    },
    limits: Object.freeze(options.limits),
    problems: Object.freeze(ownProblems),
  });
}

/** Options without those that have issues, which have their defaults. */
function validOptions(definition: unknown, issues: readonly Issue[]): z.output<typeof definitionSchema> {
  const refused = new Set(issues.map(({ path }) => path.split(".")[0]));
  const names = Object.keys(definitionSchema.shape).filter((name) => !refused.has(name));
  const data = z.unknown();
  try {
    const given = Object.fromEntries(names.map((name) => [name, Object(definition)[name]]));
    return definitionSchema.parse({ ...given, data: given.data ?? data });
  } catch {
    // It has more issues than are listed, or can't be read.
    return definitionSchema.parse({ data });
  }
}

/** Steps must lead from the oldest version to the current one without a gap. */
function findUpcastGaps(version: number, from: readonly number[]): readonly string[] {
  const problems: string[] = [];
  const oldest = Math.min(...from);
  for (const step of from) {
    if (step >= version) problems.push(`upcast.${step}: the current version is ${version}`);
  }
  for (let step = oldest; step < version; step++) {
    if (!from.includes(step))
      problems.push(`upcast.${step} is missing, so version ${oldest} can't reach ${version}`);
  }
  return problems;
}
