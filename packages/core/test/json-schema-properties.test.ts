import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { encodePayload } from "../src/contract/payload.ts";
import { defineMessage, type Schema, type SensitivePaths } from "../src/index.ts";
import { messageJsonSchema } from "../src/json-schema/index.ts";
import { replayParameters } from "../src/testing/model/replay.ts";

/** A schema, with values that it accepts on its app side. */
interface Case {
  readonly schema: z.ZodType;
  readonly values: fc.Arbitrary<unknown>;
}

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const bigint = z.codec(z.string().regex(/^-?\d+$/), z.bigint(), { decode: BigInt, encode: String });
const hex = z.codec(z.object({ hex: z.string() }), z.instanceof(Uint8Array), {
  decode: ({ hex }) => Uint8Array.from(Buffer.from(hex, "hex")),
  encode: (bytes) => ({ hex: Buffer.from(bytes).toString("hex") }),
});
// A year of more than four digits has another form, which z.iso.datetime() refuses at send.
const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
const names = fc.constantFrom("a", "b", "c", "ü", "a b", "$ref");

/** A message refuses the key, wherever it is. */
const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"__proto__":'));

/** `readonly()` freezes what it reads, and freezing throws for a typed array with elements. */
const freezable = (value: unknown) => (value instanceof Uint8Array ? new Uint8Array() : value);

const leaf: fc.Arbitrary<Case> = fc.constantFrom<Case>(
  { schema: z.string(), values: fc.string({ unit: "binary" }) },
  { schema: z.string().min(2).max(4), values: fc.string({ minLength: 2, maxLength: 4 }) },
  { schema: z.string().trim().toUpperCase(), values: fc.string() },
  { schema: z.uuid(), values: fc.uuid() },
  { schema: z.int(), values: fc.maxSafeInteger() },
  {
    schema: z.number().min(-1).lt(1),
    values: fc.double({ min: -1, max: 1, maxExcluded: true, noNaN: true }),
  },
  { schema: z.boolean(), values: fc.boolean() },
  { schema: z.null(), values: fc.constant(null) },
  { schema: z.enum(["a", "b"]), values: fc.constantFrom("a", "b") },
  { schema: z.literal(["x", 1, true, null]), values: fc.constantFrom("x", 1, true, null) },
  { schema: z.templateLiteral(["n-", z.int()]), values: fc.nat().map((n) => `n-${n}`) },
  { schema: z.any(), values: json },
  { schema: z.json(), values: json },
  { schema: z.coerce.date(), values: dates },
  { schema: isoDate, values: dates },
  { schema: bigint, values: fc.bigInt() },
  { schema: hex, values: fc.uint8Array() },
  { schema: z.stringbool(), values: fc.boolean() },
);

const { any } = fc.letrec<{ any: Case }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    leaf,
    tie("any").map(({ schema, values }) => ({
      schema: z.array(schema).max(3),
      values: fc.array(values, { maxLength: 3 }),
    })),
    tie("any").map(({ schema, values }) => ({
      schema: z.record(z.string(), schema),
      values: fc.dictionary(names, values, { maxKeys: 3 }),
    })),
    tie("any").map(({ schema, values }) => ({
      schema: schema.nullable(),
      values: fc.option(values),
    })),
    tie("any").map(({ schema, values }) => ({ schema: schema.readonly(), values: values.map(freezable) })),
    tie("any").map(({ schema, values }) => ({ schema: z.lazy(() => schema), values })),
    fc.tuple(tie("any"), tie("any")).map(([one, other]) => ({
      schema: z.tuple([one.schema], other.schema),
      values: fc
        .tuple(one.values, fc.array(other.values, { maxLength: 2 }))
        .map(([first, rest]) => [first, ...rest]),
    })),
    fc.tuple(tie("any"), tie("any")).map(([one, other]) => ({
      schema: z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("one"), value: one.schema }),
        z.strictObject({ kind: z.literal("other"), value: other.schema }),
      ]),
      values: fc.oneof(
        fc.record({ kind: fc.constant("one"), value: one.values }),
        fc.record({ kind: fc.constant("other"), value: other.values }),
      ),
    })),
    fc.tuple(tie("any"), tie("any")).map(([one, other]) => ({
      schema: z.object({ left: one.schema }).and(z.object({ right: other.schema })),
      values: fc.record({ left: one.values, right: other.values }),
    })),
    fc.dictionary(names, fc.tuple(tie("any"), fc.boolean()), { maxKeys: 4 }).map((members) => {
      const entries = Object.entries(members);
      const isOptional = ([, [, optional]]: (typeof entries)[number]) => optional;
      return {
        schema: z.object(
          Object.fromEntries(
            entries.map((entry) => [
              entry[0],
              isOptional(entry) ? entry[1][0].schema.optional() : entry[1][0].schema,
            ]),
          ),
        ),
        values: fc.record(Object.fromEntries(entries.map(([name, [{ values }]]) => [name, values])), {
          requiredKeys: entries.filter((entry) => !isOptional(entry)).map(([name]) => name),
        }),
      };
    }),
  ),
}));

const SECRETS = ["a", "b.c", "*", "*.*", "left.a", "value", "a.*.b"];

describe("the JSON Schema of a message", () => {
  test("accepts whatever the message encodes", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        any.chain(({ schema, values }) => fc.tuple(fc.constant(schema), values)),
        fc.subarray(SECRETS),
        async ([data, value], secrets) => {
          const message = defineMessage("M", { data });
          const json = await encodePayload("data", message.codecs.data, value, 1_000_000, "INVALID_DATA");
          const made = messageJsonSchema(message).data;
          const outcome = z.fromJSONSchema(made).safeParse(JSON.parse(json));
          expect(outcome.error).toBe(undefined);

          // Marks change nothing of that.
          const sensitive = { data: secrets } as SensitivePaths<Schema, undefined, undefined>;
          const foreign = { "~standard": { ...data["~standard"], vendor: "other" } } as Schema;
          const marked = messageJsonSchema(defineMessage("M", { data: foreign, sensitive }), {
            schemas: { data: made },
          });
          expect(z.fromJSONSchema(marked.data).safeParse(JSON.parse(json)).error).toBe(undefined);
        },
      ),
      { numRuns: 500, ...replayParameters() },
    );
  });
});
