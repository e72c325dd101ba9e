import type { StandardSchemaV1 } from "@standard-schema/spec";
import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  isQueueError,
  type Message,
  type QueueError,
  type Schema,
} from "../src/index.ts";

const open: { stop(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const item of open.splice(0)) await item.stop();
});

interface Passage {
  /** What the handler got, in a list so that `undefined` can be told from nothing. */
  readonly received: unknown[];
  readonly answer: unknown;
}

/** Sends a value through a real queue and worker, and answers what the handler got and what `wait` answered. */
async function pass(schema: Schema, value: unknown, respond?: (data: unknown) => unknown): Promise<Passage> {
  const message = defineMessage("M", {
    data: schema,
    ...(respond && { result: schema }),
    retry: { attempts: 1 },
  }) as Message;
  const queue = createQueue({ registry: createRegistry([message]) });
  const received: unknown[] = [];
  const worker = createWorker(queue).handle(message, (async ({ data }: { data: unknown }) => {
    received.push(data);
    return respond?.(data);
  }) as never);
  open.push(worker, { stop: () => queue.close() });
  await worker.start();
  const job = await queue.send(message, value as never);
  return { received, answer: await job.wait() };
}

async function refusal(run: () => unknown): Promise<QueueError> {
  const outcome = await Promise.resolve()
    .then(run)
    .then(
      (value) => value,
      (error) => error,
    );
  if (isQueueError(outcome)) return outcome;
  throw new Error(`expected a refusal, got ${JSON.stringify(outcome)}`, { cause: outcome });
}

const at = new Date("2026-01-02T03:04:05.006Z");
const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});

/** A schema of another library that accepts instances of a class. */
function instanceSchema(type: new (...args: never[]) => unknown): StandardSchemaV1 {
  return {
    "~standard": {
      version: 1,
      vendor: "example",
      validate: (value) =>
        value instanceof type ? { value } : { issues: [{ message: `expected a ${type.name}` }] },
    },
  };
}

describe("what send accepts, the handler gets", () => {
  const anything = z.any();
  const cases: readonly [string, Schema, unknown, unknown?][] = [
    ["plain data", z.object({ a: z.string(), b: z.array(z.number()) }), { a: "x", b: [1] }],
    ["an absent optional member", z.object({ a: z.string().optional() }), {}],
    ["an undefined optional member", z.object({ a: z.string().optional() }), { a: undefined }, {}],
    ["an undefined member of anything", anything, { a: undefined, b: 1 }, { b: 1 }],
    ["a codec's date", z.object({ at: isoDate }), { at }],
    ["a coerced date", z.object({ at: z.coerce.date() }), { at }],
    ["a coerced date in a list", z.array(z.coerce.date().optional()), [at]],
    ["JSON in anything", anything, { list: [1, "x", null, true, { deep: {} }] }],
    ["half a surrogate pair", anything, { text: "Hi \ud83d", "\ud83d": 1 }],
    ["a recursive schema", z.lazy(() => node), { v: 1, kids: [{ v: 2, kids: [] }] }],
    ["a short tuple", z.tuple([z.string(), z.string().optional()]), ["a"]],
    ["a record with an undefined value", z.record(z.string(), z.any()), { a: undefined }, {}],
    ["an object without a prototype", anything, Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["a trimmed text", z.object({ a: z.string().trim() }), { a: " x " }, { a: "x" }],
    ["a coerced number", z.object({ a: z.coerce.number() }), { a: 5 }],
    ["a default", z.object({ a: z.string().default("x") }), { a: "y" }],
    ["undefined for z.void()", z.void(), undefined],
    ["undefined for z.undefined()", z.undefined(), undefined],
    ["undefined for an optional", z.string().optional(), undefined],
    ["undefined for anything", anything, undefined],
  ];
  const node: z.ZodType = z.object({ v: z.number(), kids: z.array(z.lazy(() => node)) });

  test.each(cases)("%s", async (_what, schema, value, expected = value) => {
    const { received, answer } = await pass(schema, value, (data) => data);
    expect(received).toEqual([expected]);
    expect(answer).toEqual(expected);
  });
});

describe("what JSON would change is refused", () => {
  const anything = z.any();
  const atSend: readonly [string, Schema, unknown][] = [
    ["a required member that is undefined", z.object({ body: z.unknown() }), { body: undefined }],
    ["a custom type's instance", z.custom<Date>((value) => value instanceof Date), at],
    ["an undefined element", z.array(z.string().optional()), [undefined]],
    ["an undefined element that would become a date", z.array(z.coerce.date().optional()), [undefined]],
    ["an undefined end of a tuple", z.tuple([z.string(), z.string().optional()]), ["a", undefined]],
    ["a date that an earlier member would read as text", z.union([z.string(), z.coerce.date()]), at],
    ["a map", anything, { in: new Map([["a", 1]]) }],
    ["a set", anything, new Set([1])],
    ["an error", anything, { in: [new Error("x")] }],
    ["bytes", anything, new Uint8Array(2)],
    ["a date in anything", anything, { at }],
    ["a url in anything", anything, { at: new URL("https://example.com") }],
    ["an instance", anything, new (class Account {})()],
    ["NaN", anything, { n: Number.NaN }],
    ["Infinity", anything, [Number.POSITIVE_INFINITY]],
    ["a hole", anything, { list: new Array(2) }],
    ["a function", anything, { run: () => 1 }],
    ["a symbol", anything, { a: Symbol("s") }],
    ["a bigint", anything, { a: 1n }],
    ["a promise", anything, { a: Promise.resolve(1) }],
    ["an array with properties", anything, Object.assign([1], { extra: 1 })],
    ["a member whose name is a symbol", anything, { [Symbol("s")]: 1 }],
    ["a boxed number", anything, { n: Object(5) }],
    ["an object that writes itself otherwise", anything, { a: 1, toJSON: () => ({ b: 2 }) }],
    ["a value in a loose object", z.looseObject({}), { at }],
    ["a value in a catchall", z.object({}).catchall(z.unknown()), { at }],
    ["a value in a record", z.record(z.string(), z.unknown()), { at }],
    ["a value in a lazy schema", z.lazy(() => z.object({ a: z.any() })), { a: at }],
    [
      "a value that a codec doesn't change",
      z.codec(anything, anything, { decode: (v) => v, encode: (v) => v }),
      at,
    ],
    ["a date of another library", instanceSchema(Date), at],
  ];

  test.each(atSend)("at send: %s", async (_what, schema, value) => {
    const error = await refusal(() => pass(schema, value));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.issues.length).toBeGreaterThan(0);
  });

  test("at the handler's end, for results and progress", async () => {
    const message = defineMessage("M", {
      data: z.object({ step: z.enum(["result", "progress"]) }),
      result: z.any(),
      progress: z.any(),
      retry: { attempts: 1 },
    });
    const queue = createQueue({ registry: createRegistry([message]) });
    const worker = createWorker(queue).handle(message, async ({ data, progress }) => {
      if (data.step === "progress") progress({ seen: new Set([1]) });
      return new Map();
    });
    open.push(worker, { stop: () => queue.close() });
    await worker.start();
    const codes = [];
    for (const step of ["result", "progress"] as const) {
      const job = await queue.send(message, { step });
      const error = await refusal(() => job.wait());
      codes.push(((await queue.get(job))?.error as { code: string } | undefined)?.code, error.message);
    }
    expect(codes[1]).toContain("Map");
    expect(codes[3]).toContain("Set");
  });

  test("the issue names the place and the kind of value", async () => {
    const error = await refusal(() => pass(z.any(), { list: [{ at: new Map() }] }));
    expect(error.issues).toEqual([{ path: "list.0.at", message: "JSON can't carry a Map" }]);
    expect(error.message).toContain("list.0.at");
  });

  test("the issue names the place of a bigint too, and speaks English of an error", async () => {
    const error = await refusal(() => pass(z.any(), { user: { id: 1n, cause: new Error("no") } }));
    expect(error.issues).toEqual([
      { path: "user.id", message: "JSON can't carry a bigint" },
      { path: "user.cause", message: "JSON can't carry an Error" },
    ]);
    const data = z.object({ cause: z.instanceof(Error) });
    const contract = await refusal(async () => createRegistry([defineMessage("PLAN", { data })]));
    expect(contract.message).toContain("cause: JSON can't carry an Error; use z.codec");
  });

  test("a schema that can't decode what it encodes is named as the reason, not a date beside it", async () => {
    const bytes = z.codec(z.object({ hex: z.string() }), z.instanceof(Uint8Array), {
      decode: ({ hex }) => Uint8Array.from(Buffer.from(hex, "hex")),
      encode: (array) => ({ hex: Buffer.from(array).toString("hex") }),
    });
    const both = (left: z.ZodType) =>
      z.object({
        a: z.object({ left }).and(z.object({ right: z.string() })),
        "a b": z.coerce.date(),
      });
    const value = { a: { left: Uint8Array.from([0]), right: "" }, "a b": new Date(0) };
    expect((await pass(both(bytes), value)).received).toEqual([value]);
    // Zod freezes what is readonly, and freezing throws for a typed array with elements.
    const error = await refusal(() => pass(both(bytes.readonly()), value));
    expect(error.issues).toEqual([
      { path: "", message: expect.stringMatching(/^the schema can't decode what it encodes: .*freeze/) },
    ]);
  });

  test("a `toJSON` that throws is told in its own words", async () => {
    const toJSON = () => {
      throw new Error("sold out");
    };
    const error = await refusal(() => pass(z.any(), { toJSON }));
    expect(error.issues).toEqual([{ path: "", message: "sold out" }]);
  });

  test("what is nested too deep isn't told to raise a limit", async () => {
    let value: unknown = 1;
    for (let depth = 0; depth < 150; depth++) value = [value];
    const deep = await refusal(() => pass(z.any(), value));
    expect(deep).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    expect(deep.message).toMatch(/deeper than 100 levels\. Flatten it, or send it as text\b/);
    expect(deep.message).not.toContain("limits");
    const large = await refusal(() => pass(z.any(), "x".repeat(300_000)));
    expect(large.message).toContain("raise the message's `limits`");
  });

  const atRegistry: readonly [string, Schema, RegExp][] = [
    ["z.instanceof(Date)", z.object({ at: z.instanceof(Date) }), /data\.at: JSON can't carry a Date/],
    ["z.instanceof(URL)", z.instanceof(URL), /a URL/],
    ["z.instanceof(Uint8Array)", z.array(z.instanceof(Uint8Array)), /a Uint8Array/],
    ["z.instanceof(Blob)", z.instanceof(Blob).optional(), /a Blob/],
    ["z.nan()", z.nan(), /nan/],
    ["z.literal(1n)", z.object({ n: z.literal(1n) }), /bigint/],
    ["z.date() inside z.lazy", z.object({ in: z.lazy(() => z.date()) }), /date/],
    ["z.date() inside nested lazies", z.lazy(() => z.array(z.lazy(() => z.date()))), /date/],
  ];

  test.each(atRegistry)("at the registry: %s", async (_what, schema, problem) => {
    const error = await refusal(() => createRegistry([defineMessage("M", { data: schema })]));
    expect(error.code).toBe("INVALID_CONTRACT");
    expect(error.message).toMatch(problem);
  });
});

describe("a result that may be undefined", () => {
  test.each([
    ["z.void()", z.void()],
    ["z.undefined()", z.undefined()],
    ["an optional", z.string().optional()],
    ["anything", z.any()],
  ])("%s: a handler that returns nothing completes", async (_what, result) => {
    const message = defineMessage("M", { data: z.object({}), result: result as z.ZodType });
    const queue = createQueue({ registry: createRegistry([message]) });
    const worker = createWorker(queue).handle(message, async () => undefined);
    open.push(worker, { stop: () => queue.close() });
    await worker.start();
    const job = await queue.send(message, {});
    expect(await job.wait()).toBeUndefined();
    const snapshot = await queue.get(job);
    expect(snapshot).toMatchObject({ state: "completed", raw: false });
    expect(snapshot && "result" in snapshot).toBe(false);
  });

  test("a result that must be there still fails the job", async () => {
    const message = defineMessage("M", { data: z.object({}), result: z.string() });
    const queue = createQueue({ registry: createRegistry([message]) });
    const worker = createWorker(queue).handle(message, (async () => undefined) as never);
    open.push(worker, { stop: () => queue.close() });
    await worker.start();
    const job = await queue.send(message, {});
    expect((await refusal(() => job.wait())).code).toBe("JOB_FAILED");
  });
});

describe("recursive schemas", () => {
  const tree = (): z.ZodType =>
    z.object({
      v: z.number(),
      get kids() {
        return z.array(tree());
      },
    });
  const bush = (): z.ZodType =>
    z.object({
      get left() {
        return bush().optional();
      },
      get right() {
        return bush().optional();
      },
      at: z.any(),
    });

  test("made by a function are accepted, and carry data", async () => {
    const value = { v: 1, kids: [{ v: 2, kids: [{ v: 3, kids: [] }] }] };
    expect((await pass(tree(), value, (data) => data)).answer).toEqual(value);
    const forked = { at: 1, left: { at: 2, right: { at: 3 } }, right: { at: 4 } };
    expect((await pass(bush(), forked, (data) => data)).answer).toEqual(forked);
    expect((await refusal(() => pass(bush(), { at: 1, left: { at } }))).code).toBe("INVALID_DATA");
  });

  test("whose parts don't exist yet at defineMessage are read at createRegistry", async () => {
    const early = z.object({
      get later() {
        return later.optional();
      },
    });
    const message = defineMessage("M", { data: early });
    const lazy = defineMessage("L", { data: z.lazy(() => later) });
    const later: z.ZodType = z.object({ at: z.date() });
    const error = await refusal(() => createRegistry([message, lazy]));
    expect(error.issues.map(({ path }) => path)).toEqual(["M", "L"]);
  });

  test("that can't be read are a problem of the registry", async () => {
    const broken = z.object({
      get part(): z.ZodType {
        throw new Error("no such part");
      },
    });
    const error = await refusal(() => createRegistry([defineMessage("M", { data: broken })]));
    expect(error.code).toBe("INVALID_CONTRACT");
    expect(error.message).toContain("no such part");
  });
});

describe("asynchronous checks that a schema's first value didn't reach", () => {
  const down = async () => {
    throw new Error("the database is down");
  };
  const schemas: readonly [string, Schema, unknown, unknown][] = [
    ["an optional member", z.object({ mail: z.string().refine(down).optional() }), {}, { mail: "x" }],
    ["a union's second member", z.union([z.number(), z.string().refine(down)]), 1, "x"],
    ["an element", z.array(z.string().refine(down)), [], ["x"]],
    [
      "a codec",
      z.array(
        z.codec(z.string(), z.string(), { decode: async (text) => text, encode: () => down() as never }),
      ),
      [],
      ["x"],
    ],
    ["a lazy schema", z.array(z.lazy(() => z.string().refine(down))), [], ["x"]],
    [
      "a check that is asynchronous for some values",
      z.string().refine((text) => text === "a" || down()),
      "a",
      "x",
    ],
  ];

  test.each(schemas)("%s: INVALID_DATA, and no rejection is left", async (_what, data, first, second) => {
    const unawaited: unknown[] = [];
    const note = (error: unknown) => unawaited.push(error);
    process.on("unhandledRejection", note);
    const message = defineMessage("M", { data }) as Message;
    const queue = createQueue({ registry: createRegistry([message]) });
    open.push({ stop: () => queue.close() });
    await queue.send(message, first as never);
    const error = await refusal(() => queue.send(message, second as never));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.message).toContain("the database is down");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unawaited).toEqual([]);
  });

  test("in a worker: the job fails as INVALID_DATA, and the worker goes on", async () => {
    const unawaited: unknown[] = [];
    const note = (error: unknown) => unawaited.push(error);
    process.on("unhandledRejection", note);
    const isSent = { sending: true };
    const data = z.union([
      z.number(),
      z.string().refine((text) => isSent.sending || (text !== "" && down())),
    ]);
    const message = defineMessage("M", { data, retry: { attempts: 1 } });
    const queue = createQueue({ registry: createRegistry([message]) });
    const worker = createWorker(queue).handle(message, async () => undefined);
    open.push(worker, { stop: () => queue.close() });
    const jobs = [await queue.send(message, 1), await queue.send(message, "x"), await queue.send(message, 2)];
    isSent.sending = false;
    await worker.start();
    const outcomes = await Promise.allSettled(jobs.map((job) => job.wait()));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await queue.get(jobs[1]!))?.error).toMatchObject({ code: "INVALID_DATA" });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unawaited).toEqual([]);
  });
});

describe("what a schema throws", () => {
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const hostile = Object.defineProperty(new Error("x"), "message", {
    get() {
      throw new Error("a trap");
    },
  });

  test.each([
    ["a revoked proxy", revoked()],
    ["an error that can't be read", hostile],
    ["null", null],
    ["a symbol", Symbol("s")],
  ])("%s: INVALID_DATA", async (_what, thrown) => {
    const fail = () => {
      throw thrown;
    };
    const vendor = { "~standard": { version: 1, vendor: "example", validate: fail } } as StandardSchemaV1;
    const rejecting = z.string().refine(() => Promise.reject(thrown));
    for (const schema of [z.string().refine(fail), rejecting, vendor]) {
      expect((await refusal(() => pass(schema, "x"))).code).toBe("INVALID_DATA");
    }
    const ordered = defineMessage("M", { data: z.string(), orderingKey: fail });
    const queue = createQueue({ registry: createRegistry([ordered]) });
    open.push({ stop: () => queue.close() });
    expect((await refusal(() => queue.send(ordered, "x"))).code).toBe("INVALID_DATA");
  });
});
