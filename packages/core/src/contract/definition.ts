import * as z from "zod/mini";
import { DEFAULT_LIMITS, isPlain, MAX_DEPTH } from "./limits.ts";
import { NAME_PATTERN } from "./names.ts";
import { SHOWN } from "./option-issues.ts";
import { duration } from "./options.ts";
import type { Schema } from "./schema.ts";

const count = z.int().check(z.minimum(0), z.maximum(1_000_000));
const bound = z.strictObject({ age: z.optional(duration()), count: z.optional(count) });
const bytes = z.int().check(z.minimum(1), z.maximum(16 * 1_048_576));
const schema = z.custom<Schema>(
  // ArkType's are functions.
  (value) => value !== null && ["object", "function"].includes(typeof value) && "~standard" in Object(value),
  "expected a schema (Zod 4, or any Standard Schema)",
);
const fn = z.custom<(data: unknown) => unknown>(
  (value) => typeof value === "function",
  "expected a function",
);

/** Also an engine's key, so it is well-formed Unicode and not too long. */
const PATH_PATTERN = /^(?=.{1,128}$)[^.\p{Surrogate}]+(\.[^.\p{Surrogate}]+)*$/su;

// Custom checks: zod's own add 0.7 KB, compressed, to a client that only defines messages.
const text = (maxLength: number) =>
  z.optional(
    z.custom<string>((value) => typeof value === "string" && value.length > 0 && value.length <= maxLength, {
      error: `expected text of 1 to ${maxLength} characters`,
      params: SHOWN,
    }),
  );

const searchablePaths = z._default(
  z.custom<readonly string[]>(
    (value) => isPaths(value) && value.length <= 4 && !value.some((path) => path.split(".").includes("*")),
    'expected up to four paths like "client.id"',
  ),
  [],
);

const sensitivePaths = z.optional(
  z.custom<true | readonly string[]>(
    (value) => value === true || isPaths(value),
    'expected true, or a list of paths like "card.number"',
  ),
);

const examples = z._default(
  z.pipe(
    z.custom<readonly unknown[]>(
      (value) => Array.isArray(value) && value.length <= 20,
      "expected a list of up to 20 examples",
    ),
    z.transform((given) => frozenCopy(given) as readonly unknown[]),
  ),
  [],
);

function isPaths(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && [...value].every((path) => typeof path === "string" && PATH_PATTERN.test(path))
  );
}

/** A copy of JSON data that nobody can change. Leaves what isn't JSON as it is, to be refused. */
function frozenCopy(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (Array.isArray(value)) return Object.freeze(value.map((item) => frozenCopy(item, depth + 1)));
  if (!isPlain(value)) return value;
  const members = Object.entries(value).map(([name, member]) => [name, frozenCopy(member, depth + 1)]);
  return Object.freeze(Object.fromEntries(members));
}

/** Validates what `defineMessage` takes. */
export const definitionSchema = z.strictObject({
  data: schema,
  result: z.optional(schema),
  progress: z.optional(schema),
  title: text(100),
  description: text(2_000),
  examples,
  searchable: searchablePaths,
  sensitive: z._default(
    z.strictObject({ data: sensitivePaths, result: sensitivePaths, progress: sensitivePaths }),
    {},
  ),
  version: z._default(z.int().check(z.minimum(1), z.maximum(1_000_000)), 1),
  upcast: z._default(z.record(z.string().check(z.regex(/^[1-9]\d*$/, "expected a version number")), fn), {}),
  queue: z._default(
    z.string().check(z.regex(NAME_PATTERN, `expected a name like ${NAME_PATTERN.source}`)),
    "default",
  ),
  priority: z._default(z.int().check(z.minimum(0), z.maximum(1000)), 0),
  orderingKey: z.optional(fn),
  onOrderingFailure: z._default(z.enum(["continue", "hold"]), "continue"),
  retry: z.optional(
    z.strictObject({
      attempts: z.optional(z.int().check(z.minimum(1), z.maximum(1000))),
      backoff: z.optional(
        z.strictObject({
          type: z.enum(["exponential", "fixed"]),
          delay: duration(),
          maxDelay: z.optional(duration()),
          jitter: z.optional(z.number().check(z.minimum(0), z.maximum(1))),
        }),
      ),
    }),
  ),
  timeout: z.optional(duration({ min: 1 })),
  timeoutGrace: z._default(duration(), 5_000),
  maxStalls: z._default(z.int().check(z.minimum(1), z.maximum(1000)), 3),
  retain: z.optional(z.strictObject({ completed: z.optional(bound), failed: z.optional(bound) })),
  limits: z._default(
    z.strictObject({
      data: z._default(bytes, DEFAULT_LIMITS.data),
      metadata: z._default(bytes, DEFAULT_LIMITS.metadata),
      result: z._default(bytes, DEFAULT_LIMITS.result),
      progress: z._default(bytes, DEFAULT_LIMITS.progress),
      error: z._default(bytes, DEFAULT_LIMITS.error),
      log: z._default(bytes, DEFAULT_LIMITS.log),
    }),
    DEFAULT_LIMITS,
  ),
});
