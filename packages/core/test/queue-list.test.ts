import { describe, expect, it } from "vitest";
import * as z from "zod";
import type { NewJob } from "../src/engine/index.ts";
import {
  createQueue,
  createRegistry,
  defineMessage,
  type JobFilterOptions,
  memoryEngine,
  type Outbox,
  reportFromWire,
  toWire,
  UnrecoverableError,
} from "../src/index.ts";
import { searchableValues } from "../src/queue/send/search-values.ts";
import { plan, planCreate, planResult, rejection, type scan, setup } from "./runtime-support.ts";

type Filter = JobFilterOptions<typeof planCreate | typeof scan>;

describe("list", () => {
  it("filters by user, key, and times, and combines filters", async () => {
    const { queue, start, settle, clock } = setup();
    const first = await queue.send(planCreate, plan("p1"), { userId: "ann" });
    await clock.advance(1_000);
    const sentTo = clock.now();
    const second = await queue.send(planCreate, plan("p2"), { userId: "ben" });
    const ids = async (filter: Filter) => (await queue.list(filter)).jobs.map(({ id }) => id);
    expect(await ids({ userId: "ann" })).toEqual([first.id]);
    expect(await ids({ userId: "ann", queue: ["phases", "default"] })).toEqual([]);
    expect(await ids({ sentTo })).toEqual([first.id]);
    expect(await ids({ sentFrom: new Date(sentTo), message: [planCreate, "SCAN"] })).toEqual([second.id]);
    expect(await ids({ finishedFrom: 0 })).toEqual([]);
    await start({ PLAN_CREATE: () => planResult() });
    await settle();
    expect(await ids({ finishedFrom: sentTo, userId: "ben" })).toEqual([second.id]);
  });

  it("lists summaries, which survive JSON", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("no trainer");
      },
    });
    await queue.send(planCreate, plan(), { userId: "ann" });
    await settle();
    const { jobs } = await queue.list({ state: "failed", fields: "summary" });
    expect(jobs).toMatchObject([
      { messageType: "PLAN_CREATE", state: "failed", userId: "ann", error: { message: "no trainer" } },
    ]);
    expect(jobs[0]).not.toHaveProperty("data");
    expect(jobs[0]!.finishedAt).toBeInstanceOf(Date);
    expect(reportFromWire(JSON.parse(JSON.stringify(toWire(jobs[0]!))))).toEqual(jobs[0]);
  });

  it("refuses filters that select nothing, and cursors of others", async () => {
    const { queue } = setup();
    for (const n of [1, 2]) await queue.send(planCreate, plan(`p${n}`));
    const { cursor } = await queue.list({ queue: "plans", limit: 1 });
    expect((await queue.list({ queue: ["plans"], limit: 5, fields: "summary", cursor })).jobs).toHaveLength(
      1,
    );
    const refusals: readonly [Filter & { cursor?: string | undefined }, string][] = [
      [{ cursor }, "list: the cursor belongs to another filter. Pass the same filter"],
      [{ message: "no name" }, "The message \"no name\" isn't in this queue's registry"],
      [{ queue: ["plans", "plan"] }, 'There is no queue "plan". Did you mean plans?'],
      [{ message: "PLAN_CREAT" }, "Did you mean PLAN_CREATE?"],
      [{ sentFrom: 5, sentTo: 5 }, "list: sentFrom must be before sentTo"],
      [{ state: "queued", finishedTo: 5 }, "list: jobs that are queued haven't ended"],
      [{ userId: "\ud800" }, "well-formed Unicode"],
    ];
    for (const [options, text] of refusals) {
      expect((await rejection(queue.list(options))).message).toContain(text);
    }
  });

  it("accepts messages of other apps, and refuses misspelt names", async () => {
    const registry = createRegistry([planCreate]);
    const planUpdate = defineMessage("PLAN_UPDATE", { data: z.object({}) });
    const engine = memoryEngine();
    const [mine, theirs] = [
      createQueue({ registry, engine }),
      createQueue({ registry: createRegistry([planUpdate]), engine }),
    ];
    expect((await mine.list({ message: "INVOICE_SEND" })).jobs).toEqual([]);
    const misspelt = { message: "PLAN_UPDATE" };
    for (const call of [mine.list(misspelt), mine.retryMatching(misspelt), mine.failureGroups(misspelt)]) {
      const error = await rejection(call);
      expect(error).toMatchObject({ code: "UNKNOWN_MESSAGE" });
      expect(error.message).toContain("no job of it was found. Did you mean PLAN_CREATE?");
    }
    expect((await mine.list({ message: planUpdate as never })).jobs).toEqual([]);
    const job = await theirs.send(planUpdate, {});
    const { jobs } = await mine.list(misspelt);
    expect(jobs).toMatchObject([{ id: job.id, messageType: "PLAN_UPDATE", raw: true }]);
    expect(await mine.count(misspelt)).toEqual({ count: 1, isExact: true });
    const error = await rejection(mine.list({ ...misspelt, search: { planId: "p" } }));
    expect(error.message).toContain("`search` needs the contract of PLAN_UPDATE.");
    expect(await mine.removeMatching(misspelt)).toEqual({ matched: 1, changed: 1 });
    await Promise.all([mine, theirs].map((one) => one.close()));
  });
});

const order = defineMessage("ORDER", {
  data: z.object({
    orderId: z.string(),
    client: z.object({ id: z.int() }).optional(),
    due: z.codec(z.iso.datetime(), z.date(), {
      decode: (text) => new Date(text),
      encode: (date) => date.toISOString(),
    }),
  }),
  searchable: ["orderId", "client.id", "due"],
});
const due = new Date("2026-03-01T00:00:00Z");

class ListOutbox implements Outbox {
  readonly jobs: NewJob[] = [];

  async add(_: unknown, jobs: readonly NewJob[]): Promise<void> {
    this.jobs.push(...jobs);
  }

  async start() {
    return { stop: async () => {} };
  }
}

describe("searching", () => {
  const open = () => {
    const outbox = new ListOutbox();
    const engine = memoryEngine();
    const queue = createQueue({ registry: createRegistry([order, planCreate]), engine, outbox });
    const found = async (search: NonNullable<JobFilterOptions["search"]>) =>
      (await queue.list({ message: order, search })).jobs.map(({ id }) => id);
    return { queue, engine, outbox, found };
  };

  it("finds the jobs of a message by the values of its searchable fields", async () => {
    const { queue, found } = open();
    const a = await queue.send(order, { orderId: "o1", client: { id: 7 }, due });
    const [b, c] = await queue.sendMany([
      { message: order, data: { orderId: "o2", client: { id: 7 }, due: new Date(0) } },
      { message: order, data: { orderId: "x".repeat(65), due } },
    ]);
    expect(await found({ orderId: "o1" })).toEqual([a.id]);
    expect(await found({ "client.id": 7 })).toEqual([b.id, a.id]);
    expect(await found({ "client.id": 7, orderId: "o2" })).toEqual([b.id]);
    expect(await found({ due })).toEqual([c.id, a.id]);
    const { jobs } = await queue.list({
      message: "ORDER",
      search: { due },
      state: "queued",
      fields: "summary",
      limit: 1,
    });
    expect(jobs.map(({ id }) => id)).toEqual([c.id]);
  });

  it("encodes values as the message's schema does", async () => {
    const milliseconds = z.codec(z.number(), z.date(), {
      decode: (value) => new Date(value),
      encode: (date) => date.getTime(),
    });
    const hex = z.codec(z.string(), z.bigint(), {
      decode: (text) => BigInt(text),
      encode: (value) => `0x${value.toString(16)}`,
    });
    const visit = defineMessage("VISIT", {
      data: z.object({
        at: milliseconds.optional(),
        by: z.union([z.object({ serial: hex }), z.object({ name: z.string().toLowerCase() })]),
        day: z.coerce.date().optional(),
      }),
      searchable: ["at", "by.serial", "by.name", "day"],
    });
    const queue = createQueue({ registry: createRegistry([visit]) });
    const at = new Date(1_700_000_000_000);
    const a = await queue.send(visit, { at, by: { serial: 255n }, day: at });
    const b = await queue.send(visit, { by: { name: "Ann" } });
    const found = async (search: NonNullable<JobFilterOptions["search"]>) =>
      (await queue.list({ message: visit, search })).jobs.map(({ id }) => id);
    expect(await found({ at })).toEqual([a.id]);
    // As it travels.
    expect(await found({ at: at.getTime() })).toEqual([a.id]);
    expect(await found({ "by.serial": 255n })).toEqual([a.id]);
    expect(await found({ "by.serial": "0xff", day: at })).toEqual([a.id]);
    expect(await found({ "by.name": "ANN" })).toEqual([b.id]);
    expect(await found({ at: new Date(0) })).toEqual([]);
    await queue.close();
  });

  it("finds jobs that came through the outbox", async () => {
    const { queue, engine, outbox, found } = open();
    const tx = {};
    const job = await queue.send(order, { orderId: "o1", due }, { tx });
    expect(await found({ orderId: "o1" })).toEqual([]);
    await engine.core.enqueue([{ jobs: JSON.parse(JSON.stringify(outbox.jobs)) }]);
    expect(await found({ orderId: "o1" })).toEqual([job.id]);
  });

  it("refuses what no search can find, and says what it could", async () => {
    const { queue } = open();
    const refusals: readonly [JobFilterOptions, string][] = [
      [
        { search: { orderId: "o1" } },
        "`search` needs the message whose fields it names. Pass one `message`.",
      ],
      [{ message: ["ORDER", "PLAN_CREATE"], search: { orderId: "o1" } }, "Pass one `message`."],
      [
        { message: "PLAN_CREATE", search: { planId: "p" } },
        "PLAN_CREATE has no searchable fields. Declare them",
      ],
      [{ message: "ORDER", search: { client: 7 } }, "Its searchable fields: orderId, client.id, due."],
      [
        { message: "ORDER", search: { orderId: "x".repeat(65) } },
        "only well-formed values of up to 64 bytes",
      ],
      [{ message: "ORDER", search: {} }, "`search` names no field."],
      [{ message: "ORDER", search: { orderId: {} as never } }, "expected an object of searchable fields"],
    ];
    for (const [options, text] of refusals) {
      const error = await rejection(queue.list(options as never));
      expect(error).toMatchObject({ code: "INVALID_OPTIONS" });
      expect(error.message).toContain(text);
    }
  });
});

describe("searchableValues", () => {
  const values = (searchable: string[], data: unknown) =>
    searchableValues(defineMessage("M", { data: z.any(), searchable }), JSON.stringify(data) ?? "");

  it("are texts: strings as they are, numbers and booleans as JSON", () => {
    expect(values(["a", "b.c", "d", "e"], { a: " x ", b: { c: 1.5e21 }, d: false, e: -0 })).toEqual({
      a: " x ",
      "b.c": "1.5e+21",
      d: "false",
      e: "0",
    });
    expect(values(["a"], { a: new Date(0) })).toEqual({ a: "1970-01-01T00:00:00.000Z" });
  });

  it("are null where nothing can be indexed, and absent where the message declares none", () => {
    const nothing = (...fields: string[]) => Object.fromEntries(fields.map((field) => [field, null]));
    expect(values(["a", "b", "c", "d"], { a: null, b: {}, c: ["x"] })).toEqual(nothing("a", "b", "c", "d"));
    expect(values(["a", "b", "c"], { a: "x".repeat(65), b: "ü".repeat(33), c: "ü".repeat(32) })).toEqual({
      ...nothing("a", "b"),
      c: "ü".repeat(32),
    });
    expect(values(["a"], { a: "\ud800" })).toEqual(nothing("a"));
    expect(values(["a", "a.b", "length"], "text")).toEqual(nothing("a", "a.b", "length"));
    expect(values(["a.b", "constructor.name"], { a: { c: 1 } })).toEqual(nothing("a.b", "constructor.name"));
    expect(values(["a"], undefined)).toEqual(nothing("a"));
    expect(values([], { a: 1 })).toBeUndefined();
  });
});
