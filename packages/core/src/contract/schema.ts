import type { StandardSchemaV1 } from "@standard-schema/spec";
import {
  $ZodAsyncError,
  $ZodEncodeError,
  type $ZodType,
  safeEncode,
  safeEncodeAsync,
  safeParse,
  safeParseAsync,
} from "zod/v4/core";
import type { Issue } from "../errors/queue-error.ts";
import { walkZod } from "./zod-nodes.ts";

/** Any Standard Schema. Zod 4 schemas are also encoded, so codecs (dates, bigints) survive JSON. */
// biome-ignore lint/suspicious/noExplicitAny: a schema of anything
export type Schema = StandardSchemaV1<any, any>;

/**
 * What a sender passes: the app-side type of a Zod schema (its output, which is then encoded), the input
 * of any other Standard Schema (which can only be validated).
 */
export type Sent<S> = S extends { _zod: { output: infer Output } }
  ? Output
  : S extends StandardSchemaV1<infer Input, infer _Output>
    ? Input
    : never;

/** What a receiver gets: the parsed, app-side value. */
export type Received<S> = S extends StandardSchemaV1<infer _Input, infer Output> ? Output : never;

export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export type MaybePromise<T> = T | Promise<T>;

/** The two directions of a schema: app value to wire value and back. Sync unless the schema is async. */
export interface Codec {
  encode(value: unknown): MaybePromise<Parsed>;
  decode(value: unknown): MaybePromise<Parsed>;
}

export function createCodec(schema: Schema): Codec {
  return isZod(schema) ? zodCodec(schema) : standardCodec(schema);
}

export function isZod(schema: Schema): schema is Schema & $ZodType {
  return schema["~standard"].vendor === "zod" && "_zod" in schema;
}

function zodCodec(schema: $ZodType): Codec {
  const direction = (
    way: "forward" | "backward",
    sync: (schema: $ZodType, value: never) => ZodOutcome,
    async: (schema: $ZodType, value: never) => Promise<ZodOutcome>,
  ) => {
    let isAsync: boolean | undefined;
    return (value: unknown): MaybePromise<Parsed> => {
      isAsync ??= runsAsync(schema, value, way);
      if (!isAsync) {
        try {
          return fromZod(sync(schema, value as never));
        } catch (error) {
          if (!(error instanceof $ZodAsyncError)) return failure(error);
          isAsync = true;
        }
      }
      return async(schema, value as never).then(fromZod, failure);
    };
  };
  const decode = direction("forward", safeParse, safeParseAsync);
  // Zod compiles its forward direction only: where both do the same, it is twice as fast.
  return {
    encode: isSymmetric(schema) ? decode : direction("backward", safeEncode, safeEncodeAsync),
    decode,
  };
}

/**
 * Whether a schema's checks are async; `undefined` where a value was refused before all of them began. Zod's
 * own way to find out, a synchronous run that throws, has begun them by then, and a rejection that nobody
 * awaits would end the process.
 */
function runsAsync(schema: $ZodType, value: unknown, direction: "forward" | "backward"): boolean | undefined {
  try {
    const outcome = schema._zod.run({ value, issues: [] }, { async: true, direction });
    if (!(outcome instanceof Promise)) return outcome.issues.length === 0 ? false : undefined;
    outcome.catch(() => undefined);
    return true;
  } catch {
    return undefined;
  }
}

/** Types that parse a value the same way forwards and backwards. */
const SYMMETRIC: ReadonlySet<string> = new Set([
  "any",
  "array",
  "boolean",
  "enum",
  "literal",
  "never",
  "null",
  "nullable",
  "number",
  "object",
  "optional",
  "record",
  "string",
  "tuple",
  "union",
  "unknown",
]);

/** Checks that only look at the value. Others may change it, before or after the parse. */
const PURE_CHECKS: ReadonlySet<unknown> = new Set([
  "greater_than",
  "length_equals",
  "less_than",
  "max_length",
  "min_length",
  "multiple_of",
  "number_format",
  "string_format",
]);

function isSymmetric(schema: $ZodType): boolean {
  let symmetric = true;
  walkZod(schema, "", ({ type, check, coerce }) => {
    symmetric &&= type === undefined ? PURE_CHECKS.has(check) : SYMMETRIC.has(type) && coerce !== true;
    return symmetric ? undefined : [];
  });
  return symmetric;
}

type ZodOutcome = ReturnType<typeof safeParse>;

function fromZod(outcome: ZodOutcome): Parsed {
  if (outcome.success) return { ok: true, value: outcome.data };
  return {
    ok: false,
    issues: outcome.error.issues.map(({ path, message }) => ({ path: path.map(String).join("."), message })),
  };
}

/** A refinement or codec of the user's that throws is a problem with the value, not a crash. */
function failure(error: unknown): Parsed {
  if (error instanceof $ZodEncodeError) {
    return { ok: false, issues: [{ path: "", message: "the schema has a one-way transform; use z.codec" }] };
  }
  return {
    ok: false,
    issues: [{ path: "", message: error instanceof Error ? error.message : String(error) }],
  };
}

/** Other libraries can't encode: the sender's value is validated and travels as it is. */
function standardCodec(schema: Schema): Codec {
  const validate = (value: unknown, pick: (output: unknown) => unknown): MaybePromise<Parsed> => {
    const finish = (result: StandardSchemaV1.Result<unknown>): Parsed =>
      result.issues
        ? { ok: false, issues: result.issues.map(toIssue) }
        : { ok: true, value: pick(result.value) };
    try {
      const result = schema["~standard"].validate(value);
      return result instanceof Promise ? result.then(finish, failure) : finish(result);
    } catch (error) {
      return failure(error);
    }
  };
  return {
    encode: (value) => validate(value, () => value),
    decode: (value) => validate(value, (output) => output),
  };
}

function toIssue({ path = [], message }: StandardSchemaV1.Issue): Issue {
  return {
    path: path.map((part) => String(typeof part === "object" ? part.key : part)).join("."),
    message,
  };
}

/** `"a.b: expected a string; c: required"` */
export function formatIssues(issues: readonly Issue[]): string {
  return issues.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
}
