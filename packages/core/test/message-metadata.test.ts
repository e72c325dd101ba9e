import { describe, expect, test } from "vitest";
import * as z from "zod";
import { redact } from "../src/contract/redaction.ts";
import {
  createRegistry,
  defineMessage,
  type Message,
  type MessageDefinition,
  type Schema,
} from "../src/index.ts";

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const point = z.codec(z.object({ x: z.number(), y: z.number() }), z.array(z.number()), {
  decode: ({ x, y }) => [x, y],
  encode: ([x = 0, y = 0]) => ({ x, y }),
});
const order = z.object({
  orderId: z.string(),
  client: z.object({ id: z.string(), name: z.string().optional() }).nullable(),
  total: z.number(),
  isGift: z.boolean().default(false),
  size: z.enum(["s", "m"]),
  placedAt: isoDate,
  due: z.coerce.date(),
  tags: z.record(z.string(), z.string()),
  flags: z.record(z.enum(["a", "b"]), z.boolean()),
  items: z.array(z.object({ sku: z.string(), card: z.object({ number: z.string() }) })),
  pair: z.tuple([z.string(), z.object({ secret: z.string() })]),
  where: point,
  payment: z.union([z.literal("cash"), z.object({ card: z.string() })]),
  owner: z.object({ a: z.string() }).and(z.object({ b: z.int() })),
  anything: z.any(),
});

type Options = Omit<MessageDefinition<Schema, Schema, Schema>, "data">;

function problemsOf(options: object, data: Schema = order): string {
  try {
    createRegistry([defineMessage("ORDER", { data, ...(options as Options) })]);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("title, description and examples", () => {
  const data = z.object({ at: isoDate, count: z.int().min(1) });

  test("stay with the message, frozen", () => {
    const given = [{ at: "2026-01-01T00:00:00Z", count: 1 }];
    const message = defineMessage("SCAN", {
      data,
      title: "Scan a channel",
      description: "Reads the history of a channel.\nRuns for hours.",
      examples: given,
      searchable: ["count"],
      sensitive: { data: ["at"] },
    });
    given[0]!.count = 7;
    const copy = createRegistry([createRegistry([message])]).get("SCAN")!;
    expect(copy).toBe(message);
    expect(copy.title).toBe("Scan a channel");
    expect(copy.description).toContain("history");
    expect(copy.examples).toEqual([{ at: "2026-01-01T00:00:00Z", count: 1 }]);
    expect(copy.searchable).toEqual(["count"]);
    expect(copy.sensitive).toEqual({ data: ["at"], result: [], progress: [] });
    const parts = [message, message.examples, message.examples[0], message.searchable, message.sensitive];
    for (const part of [...parts, message.sensitive.data, message.sensitive.result]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test("are absent by default", () => {
    const message = defineMessage("SCAN", { data });
    expect(message).toMatchObject({ title: undefined, description: undefined, examples: [], searchable: [] });
    expect(message.sensitive).toEqual({ data: [], result: [], progress: [] });
    expect(Object.isFrozen(message.examples)).toBe(true);
  });

  test.each<[string, object, RegExp]>([
    ["an empty title", { title: "" }, /title: expected text of 1 to 100 characters, got ""/],
    ["a long title", { title: "x".repeat(101) }, /title: expected text of 1 to 100 characters/],
    ["a title that is no text", { title: 7 }, /title: expected text/],
    ["a long description", { description: "x".repeat(2_001) }, /description: expected text of 1 to 2000/],
    ["examples that are no list", { examples: {} }, /examples: expected a list of up to 20 examples/],
    ["too many examples", { examples: Array(21).fill({}) }, /examples: expected a list of up to 20/],
    [
      "an app-side value",
      { examples: [{ at: new Date(), count: 1 }] },
      /examples\.0: at: JSON can't carry a Date/,
    ],
    [
      "invalid data",
      { examples: [{ at: "2026-01-01T00:00:00Z", count: 0 }] },
      /examples\.0: count: Too small/,
    ],
    [
      "each invalid example",
      { examples: [{ at: "now", count: 1 }, {}] },
      /examples\.0: at: .*\n.*examples\.1: at: /,
    ],
  ])("refuse %s", (_, options, problem) => {
    expect(problemsOf(options, data)).toMatch(problem);
  });

  test("refuse circular, deep, huge and unreadable examples", () => {
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(problemsOf({ examples: [circular] }, z.any())).toMatch(
      /examples\.0: The example is (circular|nested)/,
    );
    expect(problemsOf({ examples: ["x".repeat(300_000)] }, z.any())).toMatch(
      /examples\.0: The example is over/,
    );
    const unreadable = {
      get text(): string {
        throw new Error("no");
      },
    };
    expect(problemsOf({ examples: [unreadable] }, z.any())).toMatch(/the options can't be read: no/);
  });

  test("leave asynchronous checks alone, which may reach for a server", () => {
    let calls = 0;
    const checked = z.string().refine(async () => {
      calls += 1;
      return false;
    });
    expect(problemsOf({ examples: ["a"] }, checked)).toBe("");
    expect(calls).toBe(0);
  });

  test("are validated by schemas of other libraries too", async () => {
    const rejecting = (validate: () => unknown) =>
      ({ "~standard": { version: 1, vendor: "example", validate } }) as Schema;
    const problem = { issues: [{ message: "expected text" }] };
    expect(
      problemsOf(
        { examples: [1] },
        rejecting(() => problem),
      ),
    ).toMatch(/examples\.0: expected text/);
    expect(
      problemsOf(
        { examples: [1] },
        rejecting(async () => problem),
      ),
    ).toBe("");
    expect(
      problemsOf(
        { examples: [1] },
        rejecting(() => Promise.reject(new Error("no"))),
      ),
    ).toBe("");
  });
});

describe("searchable", () => {
  test.each([
    [["orderId", "client.id", "client.name", "total"]],
    [["isGift", "size", "placedAt", "due"]],
    [["tags.color", "flags.a", "owner.a", "owner.b"]],
    // Where the schema doesn't know, or only some options have it.
    [["anything", "anything.deep", "payment", "payment.card"]],
    // What travels counts.
    [["where.x"]],
  ])("takes %j", (searchable) => {
    expect(problemsOf({ searchable })).toBe("");
  });

  test.each([
    [["clientId"], /searchable\.0: the schema of data has no "clientId"/],
    [["total", "client.nr"], /searchable\.1: the schema of data has no "client\.nr"/],
    [["total.cents"], /has no "total\.cents"/],
    [["flags.c"], /has no "flags\.c"/],
    [["items.0"], /has no "items\.0"/],
    [["items.*.sku"], /searchable: expected up to four paths/],
    [["total", "*"], /searchable: expected up to four paths/],
    [["where.z"], /has no "where\.z"/],
    [["__proto__"], /has no "__proto__"/],
    [["constructor"], /has no "constructor"/],
    [
      ["client"],
      /searchable\.0: "client" must be a string, number, boolean, bigint, date or enum, not an object/,
    ],
    [["items"], /"items" must be/],
    [["total", "total"], /searchable\.1: "total" is already in the list/],
    [["a", "b", "c", "d", "e"], /searchable: expected up to four paths like "client\.id"/],
    [[""], /searchable: expected up to four paths/],
    [["client..id"], /searchable: expected up to four paths/],
    [["\ud800"], /searchable: expected up to four paths/],
    [["x".repeat(129)], /searchable: expected up to four paths/],
    ["total", /searchable: expected up to four paths/],
  ])("refuses %j", (searchable, problem) => {
    expect(problemsOf({ searchable })).toMatch(problem);
  });

  test("finds members of recursive schemas, and of those declared after the message", () => {
    const node = z.object({
      name: z.string(),
      get next() {
        return node.optional();
      },
    });
    expect(problemsOf({ searchable: ["name", "next.next.name"] }, node)).toBe("");
    expect(problemsOf({ searchable: ["next.next"] }, node)).toMatch(/must be a string/);
    const late = z.lazy(() => declared);
    const message = defineMessage("LATE", { data: late as Schema, searchable: ["nothing"] });
    const declared = z.object({ id: z.string() });
    expect(() => createRegistry([message])).toThrow(/has no "nothing"/);
  });

  test("takes any path into schemas of other libraries", () => {
    const foreign: Schema = {
      "~standard": { version: 1, vendor: "example", validate: (value: unknown) => ({ value }) },
    };
    expect(
      problemsOf(
        { searchable: ["a.b.c"], sensitive: { data: ["d"], result: ["e"] }, result: foreign },
        foreign,
      ),
    ).toBe("");
  });

  test.each([
    ["client.id", "client.id"],
    ["client.id", "client"],
    ["client.id", true],
    ["tags.color", "tags.*"],
    ["tags.color", "*"],
    ["anything", "anything.deep"],
  ])("refuses %s where %s is sensitive", (path, secret) => {
    const sensitive = { data: secret === true ? true : [secret] };
    expect(problemsOf({ searchable: [path], sensitive })).toMatch(
      `searchable.0: "${path}" is sensitive, and the values of searchable paths are visible; remove one of the two`,
    );
  });

  test("allows sensitive neighbours", () => {
    const sensitive = { data: ["client.name", "tags.size", "items.*.card"] };
    expect(problemsOf({ searchable: ["client.id", "tags.color"], sensitive })).toBe("");
  });
});

describe("sensitive", () => {
  test.each([
    [
      {
        data: ["client", "items.*.card.number", "tags.*", "flags.a", "pair.*.secret", "payment.card"],
      },
    ],
    [{ data: ["where", "placedAt", "anything.at.all"], result: true, progress: ["log"] }],
    [{ data: [], result: undefined }],
    [undefined],
  ])("takes %j", (sensitive) => {
    expect(problemsOf({ sensitive, result: z.string(), progress: z.object({ log: z.string() }) })).toBe("");
  });

  test.each<[object, RegExp]>([
    [{ data: ["card"] }, /sensitive\.data: the schema of data has no "card"/],
    [{ data: ["items.card"] }, /the schema of data has no "items\.card"/],
    [{ result: true }, /sensitive\.result: the message has no result/],
    [{ progress: ["a"] }, /sensitive\.progress: the message has no progress/],
    [{ data: ["where.x"] }, /sensitive\.data: "where\.x" leads into a codec; use "where" to cover all of it/],
    [{ data: "client" }, /sensitive\.data: expected true, or a list of paths like "card\.number"/],
    [{ data: ["a."] }, /sensitive\.data: expected true, or a list/],
    [{ data: false }, /sensitive\.data: expected true, or a list/],
    [{ dat: ["client"] }, /sensitive: unknown option "dat" \(did you mean "data"\?\)/],
  ])("refuses %j", (sensitive, problem) => {
    expect(problemsOf({ sensitive })).toMatch(problem);
  });

  test("covers a codec of all the data as a whole", () => {
    expect(problemsOf({ sensitive: { data: ["x"] } }, point)).toMatch(
      /"x" leads into a codec; use data: true/,
    );
    expect(problemsOf({ sensitive: { data: true } }, point)).toBe("");
  });
});

describe("redact", () => {
  const message = defineMessage("PAY", {
    data: z.any(),
    result: z.any(),
    sensitive: { data: ["card.number", "guests.*.email", "notes.*", "pin"], result: true },
  });
  const masked = (value: unknown) => redact(message, "data", value);

  test("masks the members that paths lead to, and changes nothing else", () => {
    const data = {
      card: { number: "4111", holder: "Ada" },
      guests: [{ email: "a@b.c", name: "Bob" }, { name: "Eve" }],
      notes: { first: "x", second: { third: "y" } },
      pin: 1234,
      at: new Date(0),
    };
    const before = structuredClone(data);
    expect(masked(data)).toEqual({
      card: { number: "[redacted]", holder: "Ada" },
      guests: [{ email: "[redacted]", name: "Bob" }, { name: "Eve" }],
      notes: { first: "[redacted]", second: "[redacted]" },
      pin: "[redacted]",
      at: new Date(0),
    });
    expect(data).toEqual(before);
  });

  test("leaves what isn't there as it is", () => {
    expect(masked({ other: 1 })).toEqual({ other: 1 });
    expect(masked({ card: null, pin: undefined })).toEqual({ card: null, pin: undefined });
    expect(masked(undefined)).toBe(undefined);
    expect(masked(null)).toBe(null);
    expect(redact(message, "progress", { secret: 1 })).toEqual({ secret: 1 });
  });

  test("masks the whole of what has another form than the path says", () => {
    expect(masked({ card: "4111", guests: { email: "a" }, notes: new Map([["a", 1]]) })).toEqual({
      card: "[redacted]",
      guests: { email: "[redacted]" },
      notes: "[redacted]",
    });
    expect(masked({ card: [{ number: "4111" }] })).toEqual({ card: "[redacted]" });
    expect(masked({ guests: { a: "b" } })).toEqual({ guests: { a: "[redacted]" } });
    expect(masked("4111")).toBe("[redacted]");
  });

  test("masks everything of a part that is sensitive as a whole, of raw values, and of unknown messages", () => {
    expect(redact(message, "result", { ok: true })).toBe("[redacted]");
    expect(redact(message, "data", { cardNumber: "4111" }, { raw: true })).toBe("[redacted]");
    expect(redact(message, "progress", { done: 1 }, { raw: true })).toEqual({ done: 1 });
    expect(redact(undefined, "data", { pin: 1 })).toBe("[redacted]");
    expect(redact(undefined, "result", undefined)).toBe(undefined);
  });

  test("keeps members that are named like an object's own", () => {
    const value = JSON.parse('{"card":{"number":1,"__proto__":{"a":1}},"toString":"x"}');
    const copy = masked(value) as { card: object };
    expect(JSON.stringify(copy)).toBe('{"card":{"number":"[redacted]","__proto__":{"a":1}},"toString":"x"}');
    expect(Object.getPrototypeOf(copy.card)).toBe(Object.prototype);
  });

  test("takes any message", () => {
    const plain: Message = defineMessage("PLAIN", { data: z.string() });
    expect(redact(plain, "data", "x")).toBe("x");
  });
});
