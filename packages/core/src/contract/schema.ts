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
  /** Whether JSON carries whatever `encode` answers, so that nobody needs to look. */
  readonly isJson: boolean;
}

export function createCodec(schema: Schema): Codec {
  return isZod(schema) ? new ZodCodec(schema) : standardCodec(schema);
}

type Direction = "forward" | "backward";

/** What a schema is like is read when first needed: parts of a recursive one may be declared after the message. */
class ZodCodec implements Codec {
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
    // Zod compiles its forward direction only: where both do the same, it is twice as fast.
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
 * For schemas whose checks may answer promises, for some values or all. Zod's synchronous parse begins such a
 * check before it throws, and nobody would await it: its rejection would end the process.
 */
function runAsync(schema: $ZodType, value: unknown, direction: Direction): MaybePromise<Parsed> {
  const outcome = schema._zod.run({ value, issues: [] }, { async: true, direction });
  return outcome instanceof Promise ? outcome.then(finish).catch(failure) : finish(outcome);
}

/** Only Zod's own parse can word the issues of a run, so it is given one that has ended. */
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

/** A refinement or codec of the user's that throws is a problem with the value, not a crash. */
function failure(error: unknown): Parsed {
  const { name, message } = describeThrown(error);
  const isOneWay = name === "ZodEncodeError";
  const told = isOneWay ? "the schema has a one-way transform; use z.codec" : message;
  return { ok: false, issues: [{ path: "", message: told }] };
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
