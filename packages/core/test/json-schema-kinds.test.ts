import { describe, expect, test } from "vitest";
import * as z from "zod";
import * as mini from "zod/mini";
import { encodePayload } from "../src/contract/payload.ts";
import { defineMessage, type Schema } from "../src/index.ts";
import { messageJsonSchema } from "../src/json-schema/index.ts";

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const bigint = z.codec(z.string().regex(/^-?\d+$/), z.bigint(), { decode: BigInt, encode: String });
class Point {
  readonly x: number;
  readonly y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }
}
const point = z.codec(z.object({ x: z.number(), y: z.number() }), z.instanceof(Point), {
  decode: ({ x, y }) => new Point(x, y),
  encode: ({ x, y }) => ({ x, y }),
});
const tree: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(tree);
  },
});
const dataSchema = (data: Schema) => {
  const { $schema, ...rest } = messageJsonSchema(defineMessage("M", { data })).data;
  expect($schema).toBe("https://json-schema.org/draft/2020-12/schema");
  return rest;
};
const text = { type: "string" };

describe("the wire side of each kind of schema", () => {
  test.each<[string, z.ZodType, unknown, object]>([
    ["text", z.string().min(1).max(9), "a", { type: "string", minLength: 1, maxLength: 9 }],
    ["trimmed text", z.string().trim(), " a ", text],
    ["an address", z.email(), "a@b.co", { type: "string", format: "email", pattern: expect.any(String) }],
    [
      "a uuid",
      z.uuid(),
      "3f2c8f4e-1c5d-4f6a-9b7a-0a1b2c3d4e5f",
      { type: "string", format: "uuid", pattern: expect.any(String) },
    ],
    [
      "a number",
      z.number().gt(0).multipleOf(0.5),
      1.5,
      { type: "number", exclusiveMinimum: 0, multipleOf: 0.5 },
    ],
    ["a whole number", z.int32(), 7, { type: "integer", minimum: -2147483648, maximum: 2147483647 }],
    ["a boolean", z.boolean(), true, { type: "boolean" }],
    ["null", z.null(), null, { type: "null" }],
    ["an enum", z.enum(["a", "b"]), "b", { type: "string", enum: ["a", "b"] }],
    ["a literal", z.literal("a"), "a", { type: "string", const: "a" }],
    ["some literals", z.literal(["a", 1, null]), 1, { enum: ["a", 1, null] }],
    [
      "a template",
      z.templateLiteral(["id-", z.int()]),
      "id-7",
      { type: "string", pattern: expect.any(String) },
    ],
    ["anything", z.any(), { a: [1] }, {}],
    ["an unknown value", z.unknown(), "x", {}],
    ["a custom check", z.custom<string>((value) => value === "x"), "x", {}],
    [
      "a date of a codec",
      isoDate,
      new Date(0),
      { type: "string", format: "date-time", pattern: expect.any(String) },
    ],
    ["a coerced date", z.coerce.date(), new Date(0), { type: "string", format: "date-time" }],
    ["a bigint of a codec", bigint, 2n ** 70n, { type: "string", pattern: "^-?\\d+$" }],
    [
      "an instance of a codec",
      point,
      new Point(1, 2),
      { type: "object", properties: { x: { type: "number" }, y: { type: "number" } }, required: ["x", "y"] },
    ],
    ["text that is a boolean", z.stringbool(), true, text],
    ["a pipe", z.string().pipe(z.email()), "a@b.co", text],
    [
      "an array",
      z.array(isoDate).max(3),
      [new Date(0)],
      {
        type: "array",
        items: { type: "string", format: "date-time", pattern: expect.any(String) },
        maxItems: 3,
      },
    ],
    [
      "a tuple",
      z.tuple([z.string(), bigint]).rest(z.boolean()),
      ["a", 1n, true],
      {
        type: "array",
        prefixItems: [text, { type: "string", pattern: "^-?\\d+$" }],
        items: { type: "boolean" },
        minItems: 2,
      },
    ],
    [
      "an object",
      z.object({ a: z.string(), b: isoDate.optional() }),
      { a: "x" },
      {
        type: "object",
        properties: { a: text, b: expect.objectContaining({ format: "date-time" }) },
        required: ["a"],
      },
    ],
    [
      "a strict object",
      z.strictObject({ a: z.string() }),
      { a: "x" },
      { type: "object", properties: { a: text }, required: ["a"], additionalProperties: false },
    ],
    [
      "a loose object",
      z.looseObject({ a: z.string() }),
      { a: "x", b: 1 },
      { type: "object", properties: { a: text }, required: ["a"], additionalProperties: {} },
    ],
    [
      "a record",
      z.record(z.string(), bigint),
      { a: 1n },
      { type: "object", propertyNames: text, additionalProperties: { type: "string", pattern: "^-?\\d+$" } },
    ],
    [
      "a record of known keys",
      z.record(z.enum(["a", "b"]), z.int()),
      { a: 1, b: 2 },
      {
        type: "object",
        propertyNames: { type: "string", enum: ["a", "b"] },
        additionalProperties: expect.any(Object),
        required: ["a", "b"],
      },
    ],
    [
      "a partial record",
      z.partialRecord(z.enum(["a", "b"]), z.string()),
      { a: "x" },
      { type: "object", propertyNames: { type: "string", enum: ["a", "b"] }, additionalProperties: text },
    ],
    ["a nullable", z.string().nullable(), null, { type: ["string", "null"] }],
    ["an optional", z.object({ a: z.string().optional() }), {}, { type: "object", properties: { a: text } }],
    [
      "a union",
      z.union([z.string(), bigint, z.int()]),
      5n,
      { anyOf: [text, { type: "string", pattern: "^-?\\d+$" }, expect.any(Object)] },
    ],
    [
      "a discriminated union",
      z.discriminatedUnion("kind", [
        z.object({ kind: z.literal("a"), at: isoDate }),
        z.object({ kind: z.literal("b") }),
      ]),
      { kind: "a", at: new Date(0) },
      { oneOf: [expect.any(Object), expect.any(Object)] },
    ],
    [
      "an intersection",
      z.object({ a: z.string() }).and(z.object({ b: z.string() })),
      { a: "x", b: "y" },
      { type: "object", properties: { a: text, b: text }, required: ["a", "b"] },
    ],
    [
      "a recursion",
      tree,
      { name: "a", children: [{ name: "b", children: [] }] },
      {
        type: "object",
        properties: { name: text, children: { type: "array", items: { $ref: "#" } } },
        required: ["name", "children"],
      },
    ],
    ["a lazy schema", z.lazy(() => z.string()), "a", text],
    ["JSON", z.json(), { a: [1, null] }, expect.any(Object) as object],
    // It means something else in JSON Schema: set by the receiver alone.
    [
      "a readonly schema",
      z.object({ a: z.string().readonly() }).readonly(),
      { a: "x" },
      { type: "object", properties: { a: text }, required: ["a"] },
    ],
    [
      "a fallback",
      z.object({ a: z.string().catch("x") }),
      { a: "y" },
      { type: "object", properties: { a: text }, required: ["a"] },
    ],
    [
      "a default",
      z.object({ a: z.int32().default(4) }),
      { a: 1 },
      { type: "object", properties: { a: expect.objectContaining({ type: "integer", default: 4 }) } },
    ],
    [
      "a default before the parse",
      z.object({ a: z.string().prefault("x") }),
      { a: "y" },
      { type: "object", properties: { a: { type: "string", default: "x" } } },
    ],
    [
      "a default of a codec",
      z.object({ a: isoDate.default(new Date(0)) }),
      { a: new Date(1) },
      { type: "object", properties: { a: expect.not.objectContaining({ default: expect.anything() }) } },
    ],
    // It would be another at each export.
    [
      "a default that changes",
      z.object({ a: z.string().default(() => crypto.randomUUID()) }),
      { a: "y" },
      { type: "object", properties: { a: text } },
    ],
    [
      "the current time",
      z.object({ a: z.coerce.date().default(() => new Date()) }),
      { a: new Date(0) },
      { type: "object", properties: { a: { type: "string", format: "date-time" } } },
    ],
  ])("%s", async (_, schema, value, expected) => {
    const made = dataSchema(schema);
    expect(made).toEqual(expected);
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
    const { codecs } = defineMessage("M", { data: schema });
    const json = await encodePayload("data", codecs.data, value, 10_000, "INVALID_DATA");
    expect(z.fromJSONSchema({ ...made }).safeParse(JSON.parse(json)).error).toBe(undefined);
  });

  test.each([
    ["void", z.void()],
    ["undefined", z.undefined()],
    ["a literal undefined", z.literal(undefined)],
  ])("nothing, of %s", (_, schema) => {
    expect(dataSchema(schema)).toEqual({ not: {} });
  });

  test("is that of zod/mini too", () => {
    expect(dataSchema(mini.object({ a: mini.optional(mini.string()) }))).toEqual({
      type: "object",
      properties: { a: text },
    });
  });
});
