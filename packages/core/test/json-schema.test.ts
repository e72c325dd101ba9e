import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createRegistry, defineMessage, type Schema } from "../src/index.ts";
import { checkExamples, messageJsonSchema, registryJsonSchema } from "../src/json-schema/index.ts";

const tree: z.ZodType = z.object({
  name: z.string(),
  get children() {
    return z.array(tree);
  },
});
const foreign = (vendor: string, jsonSchema?: unknown) =>
  ({
    "~standard": {
      version: 1,
      vendor,
      validate: (value: unknown) => ({ value }),
      ...(jsonSchema ? { jsonSchema } : {}),
    },
  }) as Schema;

// biome-ignore lint/suspicious/noExplicitAny: whatever a JSON Schema has
type Json = Record<string, any>;

const text = { type: "string" };

describe("messageJsonSchema", () => {
  const order = defineMessage("ORDER", {
    title: "Place an order",
    data: z.object({ id: z.string() }).meta({ title: "The schema's own", id: "Order" }),
    result: z.object({ receipt: z.string().meta({ examples: ["r-1"] }) }),
    progress: z.int32(),
    examples: [{ id: "o" }],
    searchable: ["id"],
    sensitive: { result: ["receipt"], progress: true },
  });

  test("carries what the message says of itself", () => {
    const { data } = messageJsonSchema(
      defineMessage("M", {
        data: z.string().meta({ title: "Own", description: "Own" }),
        title: "Message's",
        examples: ["a"],
      }),
    );
    expect(data).toEqual({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "string",
      title: "Message's",
      description: "Own",
      examples: ["a"],
    });
    expect(Object.keys(messageJsonSchema(defineMessage("M", { data: z.string() })))).toEqual(["data"]);
  });

  test("marks what is sensitive or searchable", () => {
    const { data, result, progress } = messageJsonSchema(order);
    // Its root is a definition of its own, since it has an id.
    expect(data).toMatchObject({
      $ref: "#/$defs/Order",
      title: "Place an order",
      properties: { id: { "x-searchable": true } },
      examples: [{ id: "o" }],
    });
    const receipt = { type: "string", examples: ["r-1"], "x-sensitive": true };
    expect(result).toMatchObject({ properties: { receipt } });
    expect(progress).toMatchObject({ type: "integer", "x-sensitive": true });
  });

  test("marks members of every form", () => {
    const marked = messageJsonSchema(
      defineMessage("M", {
        data: z.object({
          id: z.string(),
          client: z.object({ id: z.int32(), name: z.string() }).nullable(),
          cards: z.array(z.object({ number: z.string() })),
          pair: z.tuple([z.object({ pin: z.string() })]),
          tags: z.record(z.string(), z.string()),
          payment: z.union([z.string(), z.object({ iban: z.string() })]),
          extra: z.any(),
        }),
        searchable: ["id", "client.id", "tags.color"],
        sensitive: {
          data: [
            "client.name",
            "cards.*.number",
            "pair.*.pin",
            "tags.secret",
            "payment.iban",
            "extra.deep.*",
          ],
        },
      }),
    ).data as Json;
    const { id, client, cards, pair, tags, payment, extra } = marked.properties;
    const secret = { type: "string", "x-sensitive": true };
    const found = { type: "string", "x-searchable": true };
    expect(id).toEqual(found);
    expect(client.anyOf[0].properties).toEqual({
      id: { type: "integer", minimum: -2147483648, maximum: 2147483647, "x-searchable": true },
      name: secret,
    });
    expect(cards.items.properties.number).toEqual(secret);
    expect(pair.prefixItems[0].properties.pin).toEqual(secret);
    expect(tags).toMatchObject({ additionalProperties: text, properties: { color: found, secret } });
    expect(payment.anyOf[1].properties.iban).toEqual(secret);
    const each = { "x-sensitive": true };
    expect(extra).toEqual({ properties: { deep: { items: each, additionalProperties: each } } });
  });

  test("marks beside references, which others share", () => {
    const shared = z.object({ name: z.string() }).meta({ id: "Person" });
    const marked = messageJsonSchema(
      defineMessage("M", {
        data: z.object({ buyer: shared, seller: shared, root: tree }),
        sensitive: { data: ["seller.name", "root.children.*.name"] },
      }),
    ).data as Json;
    expect(marked.$defs.Person.properties.name).toEqual(text);
    expect(marked.properties.buyer).toEqual({ $ref: "#/$defs/Person" });
    expect(marked.properties.seller).toEqual({
      $ref: "#/$defs/Person",
      properties: { name: { "x-sensitive": true } },
    });
    expect(JSON.stringify(marked.properties.root)).toContain('"name":{"x-sensitive":true}');
    expect(
      z
        .fromJSONSchema(marked)
        .safeParse({ buyer: { name: "a" }, seller: { name: "b" }, root: { name: "c", children: [] } })
        .success,
    ).toBe(true);
  });

  test("leaves the message and its schemas as they are", () => {
    const first = messageJsonSchema(order);
    (first.data as { examples: unknown[] }).examples.push("changed");
    first.data.title = "changed";
    expect(messageJsonSchema(order)).not.toEqual(first);
    expect(messageJsonSchema(order)).toEqual(messageJsonSchema(order));
  });

  test("refuses a message with problems", () => {
    expect(() => messageJsonSchema(defineMessage("M", { data: z.object({ at: z.date() }) }))).toThrow(
      /M has problems, so it has no JSON Schema:\n {2}- data\.at: JSON can't carry a date/,
    );
  });

  test("says what a schema has that can't be described", () => {
    const data = z.object({ a: z.string().meta({ id: "Same" }), b: z.int().meta({ id: "Same" }) });
    expect(() => messageJsonSchema(defineMessage("M", { data }))).toThrow(
      /The data schema of M \(zod\) has no JSON Schema: Duplicate schema id "Same".*Pass one/,
    );
  });

  test.each<[object, RegExp]>([
    [{ schema: {} }, /messageJsonSchema: unknown option "schema" \(did you mean "schemas"\?\)/],
    [{ schemas: { dat: {} } }, /unknown option "dat"/],
    [{ schemas: { data: "{}" } }, /schemas\.data: expected record/],
  ])("refuses the options %j", (options, problem) => {
    expect(() => messageJsonSchema(order, options)).toThrow(problem);
  });
});

describe("schemas of other libraries", () => {
  const message = defineMessage("M", {
    data: foreign("valibot"),
    result: foreign("valibot"),
    sensitive: { data: ["card"] },
  });

  test("need one that is passed", () => {
    expect(() => messageJsonSchema(message)).toThrow(
      "The data schema of M is of valibot, which makes no JSON Schema by itself. Pass one that describes the JSON that " +
        "travels: messageJsonSchema(message, { schemas: { data: … } }), or registryJsonSchema(registry, " +
        "{ schemas: { [name]: … } }).",
    );
    const data = { type: "object", properties: { card: text } };
    expect(() => messageJsonSchema(message, { schemas: { data } })).toThrow(
      /The result schema of M is of valibot/,
    );
    const schemas = { data, result: { type: "string" } };
    const expected = {
      data: { type: "object", properties: { card: { type: "string", "x-sensitive": true } } },
      result: { type: "string" },
    };
    expect(messageJsonSchema(message, { schemas })).toEqual(expected);
    expect(registryJsonSchema(createRegistry([message]), { schemas: { M: schemas } }).M).toMatchObject(
      expected,
    );
    expect(data.properties.card).toEqual(text);
  });

  test("are asked, where they implement Standard JSON Schema", () => {
    const input = ({ target }: { target: string }) => ({ $schema: target, type: "string" });
    const { data } = messageJsonSchema(defineMessage("M", { data: foreign("arktype", { input }) }));
    expect(data).toEqual({ $schema: "draft-2020-12", type: "string" });
    const failing = () => {
      throw new Error("draft-2020-12 is not supported");
    };
    expect(() =>
      messageJsonSchema(defineMessage("M", { data: foreign("arktype", { input: failing }) })),
    ).toThrow(
      /The data schema of M \(arktype\) has no JSON Schema: draft-2020-12 is not supported\. Pass one/,
    );
  });
});

describe("registryJsonSchema", () => {
  test("has every message by name", () => {
    const plan = defineMessage("PLAN", { data: z.string(), title: "Plan", queue: "workouts" });
    const scan = defineMessage("SCAN", {
      data: z.int32(),
      version: 2,
      upcast: { 1: Number },
      progress: z.boolean(),
    });
    const $schema = "https://json-schema.org/draft/2020-12/schema";
    expect(registryJsonSchema(createRegistry([plan, createRegistry([scan])]))).toEqual({
      PLAN: {
        version: 1,
        queue: "workouts",
        title: "Plan",
        data: { $schema, type: "string", title: "Plan" },
      },
      SCAN: {
        version: 2,
        queue: "default",
        data: { $schema, type: "integer", minimum: -2147483648, maximum: 2147483647 },
        progress: { $schema, type: "boolean" },
      },
    });
  });
});

describe("checkExamples", () => {
  const checked = (isValid: boolean) => z.string().refine(async () => isValid, "is taken");

  test("awaits asynchronous checks", async () => {
    await checkExamples(createRegistry([defineMessage("A", { data: checked(true), examples: ["a"] })]));
    const registry = createRegistry([
      defineMessage("A", { data: checked(false), examples: ["a", "b"] }),
      defineMessage("B", { data: checked(true), examples: ["a"] }),
    ]);
    await expect(checkExamples(registry)).rejects.toMatchObject({
      code: "INVALID_CONTRACT",
      message: "Examples are invalid:\n  - A: examples.0: is taken\n  - A: examples.1: is taken",
      issues: [
        { path: "A", message: "examples.0: is taken" },
        { path: "A", message: "examples.1: is taken" },
      ],
    });
  });
});
