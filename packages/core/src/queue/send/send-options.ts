import * as z from "zod/mini";
import { type Duration, MAX_DURATION } from "../../contract/duration.ts";
import { ID_PATTERN, isWellFormed, MAX_KEY_LENGTH, NOT_WELL_FORMED } from "../../contract/names.ts";
import { SHOWN } from "../../contract/option-issues.ts";
import { duration, parseOptions } from "../../contract/options.ts";
import type { Dependency, DependencyFailurePolicy } from "../../engine/job.ts";
import type { JobReference } from "../job-reference.ts";

/** Another job to run after: an id, a handle, or either with a policy. */
export type DependsOn =
  | JobReference
  | {
      readonly job: JobReference;
      /**
       * When that job fails or is cancelled: `"cancel"` cancels this one too, `"run"` runs it all the same,
       * `"hold"` keeps it blocked until an operator has retried the other with success.
       * @default "cancel"
       */
      readonly onFailure?: DependencyFailurePolicy | undefined;
    };

/** Another job of the same `sendMany`, by its `ref`. */
export interface DependsOnRef {
  readonly ref: string;
  /** As for any dependency. @default "cancel" */
  readonly onFailure?: DependencyFailurePolicy | undefined;
}

/** What a send may say about its job beyond the data. */
export interface SendOptions {
  /**
   * The job's id, 1 to 128 of `A-Z a-z 0-9 _ . : -`. A repeat of the send with the same id stores nothing new. An id
   * names one job of the whole engine: with that of another message's job, the send is rejected with `ID_IN_USE`.
   * @default a generated id, ordered by time
   */
  readonly id?: string | undefined;
  /** On whose behalf: 1 to 256 characters of well-formed Unicode. */
  readonly userId?: string | undefined;
  /**
   * Free context that travels with the job, as JSON, within the message's `limits.metadata`. What JSON would change
   * (a date, a `Map`) is refused, and so is text that isn't well-formed Unicode.
   */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** Time until the job may run. @default 0 */
  readonly delay?: Duration | undefined;
  /** 0 (most urgent) to 1000. @default the message's priority */
  readonly priority?: number | undefined;
  /** Attempts in all, 1 to 1000. @default the message's `retry.attempts` */
  readonly attempts?: number | undefined;
  /**
   * A further send of the message with the same key stores nothing and answers the first job, while that is unfinished,
   * or has completed and was sent less than `window` ago. Failure, cancellation and removal free the key.
   */
  readonly dedupe?: { readonly key: string; readonly window: Duration } | undefined;
  /** Jobs to run after, at most 1,000, in any state and any queue. */
  readonly dependsOn?: readonly DependsOn[] | undefined;
  /**
   * The database transaction to store the job with, through the queue's outbox: the job is sent if it commits,
   * and only then. Its handle always says `created: true`, and can be waited for after the commit. `dedupe`
   * can't be combined with it.
   */
  readonly tx?: unknown;
}

/** The options of one item of `sendMany`, which may also depend on items of the same call. */
export interface SendManyOptions extends Omit<SendOptions, "dependsOn" | "tx"> {
  readonly dependsOn?: readonly (DependsOn | DependsOnRef)[] | undefined;
}

/** The options of a whole `sendMany`. */
export interface SendManyCallOptions {
  /** The database transaction to store all the jobs with, as for `send`. */
  readonly tx?: unknown;
}

/** The options of `parseWire`. */
export interface ParseWireOptions {
  /** The contract's version that the data is of. @default the registry's version */
  readonly version?: number | undefined;
}

/** The options of `sendWire`. */
export interface SendWireOptions extends SendOptions, ParseWireOptions {}

/** A dependency on a job of the same batch, its id not yet known. */
export interface RefDependency {
  readonly ref: string;
  readonly onFailure: DependencyFailurePolicy;
}

const POLICIES: readonly unknown[] = ["cancel", "run", "hold", undefined];
const MAX_DEPENDENCIES = 1_000;
export const MAX_REF_LENGTH = 128;

const text = (maxLength: number) =>
  z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(maxLength),
      z.refine(isWellFormed, { error: NOT_WELL_FORMED, params: SHOWN }),
    );
const key = text(MAX_KEY_LENGTH);
const idText = z.string().check(z.regex(ID_PATTERN, `expected an id like ${ID_PATTERN.source}`));

const shape = {
  id: z.optional(idText),
  userId: z.optional(text(256)),
  metadata: z.optional(z.custom<Readonly<Record<string, unknown>>>(isRecord, "expected an object")),
  delay: z.optional(duration()),
  priority: z.optional(z.int().check(z.minimum(0), z.maximum(1000))),
  attempts: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
  dedupe: z.optional(z.strictObject({ key, window: duration({ min: 1 }) })),
};

const tx = z.optional(
  z.custom<object>(
    (value) => typeof value === "object" && value !== null,
    "expected a database transaction, as your driver hands it out",
  ),
);

const sendSchema = z.strictObject({
  ...shape,
  tx,
  dependsOn: z.optional(
    z
      .array(
        z.pipe(
          z.custom<DependsOn>(isDependsOn, {
            error: 'expected a handle, an id, or { job, onFailure: "cancel" | "run" | "hold" }',
            params: SHOWN,
          }),
          z.transform(toDependency),
        ),
      )
      .check(z.maxLength(MAX_DEPENDENCIES)),
  ),
});

export const sendManyOptionsSchema = z.strictObject({
  ...shape,
  dependsOn: z.optional(
    z
      .array(
        z.pipe(
          z.custom<DependsOn | DependsOnRef>((value) => isDependsOnRef(value) || isDependsOn(value), {
            error: 'expected { ref }, a handle, an id, or { job }; with onFailure: "cancel" | "run" | "hold"',
            params: SHOWN,
          }),
          z.transform((value): Dependency | RefDependency =>
            isDependsOnRef(value)
              ? { ref: value.ref, onFailure: value.onFailure ?? "cancel" }
              : toDependency(value),
          ),
        ),
      )
      .check(z.maxLength(MAX_DEPENDENCIES)),
  ),
});

/** What a send middleware may pass on: the options as they were parsed. */
export const requestSchema = z.object({
  id: idText,
  userId: shape.userId,
  traceparent: z.optional(text(256)),
  metadata: shape.metadata,
  delay: z.number().check(z.minimum(0), z.maximum(MAX_DURATION)),
  priority: z.int().check(z.minimum(0), z.maximum(1000)),
  attempts: z.int().check(z.minimum(1), z.maximum(1000)),
  dedupe: z.optional(z.object({ key, window: z.number().check(z.minimum(1), z.maximum(MAX_DURATION)) })),
  dependsOn: z
    .array(z.custom<Dependency>(isDependency, 'expected { job, onFailure: "cancel" | "run" | "hold" }'))
    .check(z.maxLength(MAX_DEPENDENCIES)),
});

export const sendManyCallSchema = z.strictObject({ tx });

const version = z.optional(z.int().check(z.minimum(1)));

export const parseWireSchema = z.strictObject({ version });
/** Only the version; `send` parses the rest. */
export const sendWireSchema = z.looseObject({ version });

export type ParsedSendOptions = z.output<typeof sendSchema>;

const NONE = Object.freeze({});

/** @throws {QueueError} `INVALID_OPTIONS`. */
export function parseSendOptions(options: SendOptions | undefined): ParsedSendOptions {
  return options === undefined ? NONE : parseOptions("send", sendSchema, options);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is string {
  return typeof value === "string" && ID_PATTERN.test(value);
}

function isDependsOn(value: unknown): value is DependsOn {
  if (typeof value !== "object" || value === null) return isId(value);
  if (!("job" in value)) return "id" in value && isId(value.id);
  const { job, onFailure, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0 || !POLICIES.includes(onFailure)) return false;
  return isId(typeof job === "object" && job !== null && "id" in job ? job.id : job);
}

function isDependsOnRef(value: unknown): value is DependsOnRef {
  if (typeof value !== "object" || value === null || !("ref" in value)) return false;
  const { ref, onFailure, ...rest } = value as Record<string, unknown>;
  return typeof ref === "string" && Object.keys(rest).length === 0 && POLICIES.includes(onFailure);
}

function isDependency(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { job, onFailure } = value as Record<string, unknown>;
  return isId(job) && onFailure !== undefined && POLICIES.includes(onFailure);
}

function toDependency(value: DependsOn): Dependency {
  if (typeof value === "string") return { job: value, onFailure: "cancel" };
  if (!("job" in value)) return { job: value.id, onFailure: "cancel" };
  const job = typeof value.job === "string" ? value.job : value.job.id;
  return { job, onFailure: value.onFailure ?? "cancel" };
}
