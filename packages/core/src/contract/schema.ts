import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type $ZodIssue, type $ZodType, type ParsePayload, safeEncode, safeParse } from "zod/v4/core";
import type { Issue } from "../errors/queue-error.ts";
import { describeThrown } from "../errors/thrown.ts";
import { type SchemaTraits, traitsOf } from "./schema-traits.ts";
import { isZod } from "./zod-nodes.ts";

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
  /** Whether `encode` takes what `decode` returns. Otherwise it takes the wire value itself. */
  readonly isTwoWay: boolean;
  /** Whether JSON carries whatever `encode` returns, so the result needs no check. */
  readonly isJson: boolean;
}

export function createCodec(schema: Schema): Codec {
  return isZod(schema) ? new ZodCodec(schema) : standardCodec(schema);
}

type Direction = "forward" | "backward";

/** Reads its schema on first use: parts of a recursive schema may be declared after the message. */
class ZodCodec implements Codec {
  readonly isTwoWay = true;
  readonly #schema: $ZodType;
  #traits: SchemaTraits | undefined;

  constructor(schema: $ZodType) {
    this.#schema = schema;
  }

  get isJson(): boolean {
    this.#traits ??= traitsOf(this.#schema);
    return this.#traits.isJson;
  }

  encode(value: unknown): MaybePromise<Parsed> {
    this.#traits ??= traitsOf(this.#schema);
    // Zod compiles only its forward direction, which is twice as fast. Symmetric schemas use it both ways.
    return this.#run(value, this.#traits.isSymmetric ? "forward" : "backward", this.#traits.isSync);
  }

  decode(value: unknown): MaybePromise<Parsed> {
    this.#traits ??= traitsOf(this.#schema);
    return this.#run(value, "forward", this.#traits.isSync);
  }

  #run(value: unknown, direction: Direction, isSync: boolean): MaybePromise<Parsed> {
    try {
      if (!isSync) return runAsync(this.#schema, value, direction);
      return fromZod(
        direction === "forward" ? safeParse(this.#schema, value) : safeEncode(this.#schema, value as never),
      );
    } catch (error) {
      return failure(error);
    }
  }
}

/**
 * For schemas whose checks may return promises. Zod's synchronous parse starts such a check before it throws, and
 * leaves its promise unawaited: a rejection would end the process.
 */
function runAsync(schema: $ZodType, value: unknown, direction: Direction): MaybePromise<Parsed> {
  const outcome = schema._zod.run({ value, issues: [] }, { async: true, direction });
  return outcome instanceof Promise ? outcome.then(finish).catch(failure) : finish(outcome);
}

/** Only Zod's own parse adds messages to the issues of a run, so this parses with a finished run. */
function finish(payload: ParsePayload): Parsed {
  return fromZod(safeParse({ _zod: { run: () => payload } } as unknown as $ZodType, undefined));
}

function fromZod(outcome: ReturnType<typeof safeParse>): Parsed {
  return outcome.success
    ? { ok: true, value: outcome.data }
    : { ok: false, issues: toIssues(outcome.error.issues) };
}

function toIssues(issues: readonly $ZodIssue[]): Issue[] {
  return issues.map(({ path, message }) => ({ path: path.map(String).join("."), message }));
}

/** A refinement or codec that throws makes the value invalid. */
function failure(error: unknown): Parsed {
  const { name, message } = describeThrown(error);
  const isOneWay = name === "ZodEncodeError";
  const problem = isOneWay ? "the schema has a one-way transform; use z.codec" : message;
  return { ok: false, issues: [{ path: "", message: problem }] };
}

/** Other libraries can't encode: the sender's value is validated and sent unchanged. */
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
    isTwoWay: false,
    isJson: false,
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
