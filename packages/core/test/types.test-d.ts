import { assertType, describe, expectTypeOf, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  createWorker,
  defineMessage,
  fromWire,
  type HandlerContext,
  type JobHandle,
  type JobSnapshot,
  type MessageChoice,
  type MessageDefinition,
  type Queue,
  reportFromWire,
  type SendItem,
  type Stats,
  toWire,
  type WireSnapshot,
} from "../src/index.ts";
import { messageJsonSchema, registryJsonSchema } from "../src/json-schema/index.ts";
import { createTestQueue } from "../src/testing/index.ts";

const isoDate = z.codec(z.iso.datetime(), z.date(), {
  decode: (text) => new Date(text),
  encode: (date) => date.toISOString(),
});
const planCreate = defineMessage("PLAN_CREATE", {
  data: z.object({ planId: z.string(), startsAt: isoDate }),
  result: z.object({ savedAt: isoDate }),
});
const phaseCreate = defineMessage("PHASE_CREATE", {
  data: z.object({ planId: z.string(), weeks: z.int().default(4) }),
});
const scan = defineMessage("SCAN", {
  data: z.object({ channel: z.string() }),
  progress: z.object({ scanned: z.int() }),
});
const stranger = defineMessage("STRANGER", { data: z.object({ channel: z.string() }) });
const registry = createRegistry([planCreate, createRegistry([phaseCreate, scan])]);
const queue = createQueue({ registry });
const startsAt = new Date();

describe("send", () => {
  it("takes the app-side data of messages in the registry", () => {
    expectTypeOf(queue.send(planCreate, { planId: "p", startsAt })).resolves.toEqualTypeOf<
      JobHandle<typeof planCreate>
    >();
    // @ts-expect-error a date, not its wire text
    queue.send(planCreate, { planId: "p", startsAt: "2026-01-01T00:00:00Z" });
    // @ts-expect-error planId is missing
    queue.send(planCreate, { startsAt });
    // @ts-expect-error another message's data
    queue.send(planCreate, { channel: "general" });
    // @ts-expect-error the message isn't in the registry
    queue.send(stranger, { channel: "general" });
  });

  it("knows its options", () => {
    queue.send(scan, { channel: "a" }, { delay: "15m", priority: 3, userId: undefined });
    // @ts-expect-error no such option
    queue.send(scan, { channel: "a" }, { prio: 3 });
    // @ts-expect-error no such unit
    queue.send(scan, { channel: "a" }, { delay: "2 weeks" });
    // @ts-expect-error no such policy
    queue.send(scan, { channel: "a" }, { dependsOn: [{ job: "x", onFailure: "explode" }] });
    // @ts-expect-error refs are sendMany's
    queue.send(scan, { channel: "a" }, { dependsOn: [{ ref: "x" }] });
  });
});

describe("sendMany", () => {
  it("checks each item by its message and answers typed handles in order", async () => {
    const handles = await queue.sendMany([
      { ref: "plan", message: planCreate, data: { planId: "p", startsAt } },
      { message: scan, data: { channel: "a" }, options: { dependsOn: [{ ref: "plan" }] } },
    ]);
    expectTypeOf(handles).toEqualTypeOf<readonly [JobHandle<typeof planCreate>, JobHandle<typeof scan>]>();
    await queue.sendMany([
      { message: scan, data: { channel: "a" } },
      // @ts-expect-error another message's data
      { message: planCreate, data: { channel: "a" } },
    ]);
    // @ts-expect-error the message isn't in the registry
    await queue.sendMany([{ message: stranger, data: { channel: "a" } }]);
  });

  it("takes items gathered in a loop", async () => {
    const items: SendItem<typeof planCreate | typeof scan>[] = [];
    items.push({ message: scan, data: { channel: "a" } });
    // @ts-expect-error another message's data
    items.push({ message: scan, data: { planId: "p" } });
    const handles = await queue.sendMany(items);
    expectTypeOf(handles[0]!.id).toEqualTypeOf<string>();
    const mapped = ["a", "b"].map((channel) => ({ message: scan, data: { channel } }));
    expectTypeOf((await queue.sendMany(mapped))[0]!.messageType).toEqualTypeOf<"SCAN">();
  });
});

describe("reading", () => {
  it("has the results and data of the message", async () => {
    const handle = await queue.send(planCreate, { planId: "p", startsAt });
    expectTypeOf(handle.wait()).resolves.toEqualTypeOf<{ savedAt: Date }>();
    expectTypeOf(queue.wait(handle)).resolves.toEqualTypeOf<{ savedAt: Date }>();
    expectTypeOf(queue.wait("an id")).resolves.toEqualTypeOf<unknown>();
    const none = await queue.send(phaseCreate, { planId: "p", weeks: 2 });
    expectTypeOf(none.wait()).resolves.toEqualTypeOf<undefined>();

    const known = await queue.get(handle);
    expectTypeOf(known).toEqualTypeOf<JobSnapshot<typeof planCreate> | null>();
    expectTypeOf(known!.data.startsAt).toEqualTypeOf<Date>();
    const any = await queue.get("an id");
    if (any?.messageType === "SCAN") {
      expectTypeOf(any.data).toEqualTypeOf<{ channel: string }>();
      expectTypeOf(any.progress).toEqualTypeOf<{ scanned: number } | undefined>();
    }
    const page = await queue.list({ message: scan });
    expectTypeOf(page.jobs[0]!.data).toEqualTypeOf<{ channel: string }>();
    // @ts-expect-error no such state
    await queue.list({ state: "done" });
    // @ts-expect-error active jobs can't be cleaned
    await queue.clean({ state: "active" });
  });

  it("know the messages and fields of the registry in filters", async () => {
    await queue.list({ message: ["SCAN", planCreate, "MESSAGE_OF_ANOTHER_APP"], queue: "scans" });
    await queue.list({ message: planCreate, search: { planId: "p", startsAt } });
    await queue.count({ message: "PLAN_CREATE", search: { planId: "p" } });
    await queue.retryMatching({ message: scan, search: { channel: "a" } });
    // @ts-expect-error the message isn't in the registry
    await queue.list({ message: stranger });
    // @ts-expect-error a path of another message
    await queue.list({ message: planCreate, search: { channel: "a" } });
    // @ts-expect-error no message has this path
    await queue.count({ message: "PLAN_CREATE", search: { plan: "p" } });
    // @ts-expect-error not a scalar
    await queue.list({ message: planCreate, search: { planId: ["p"] } });
    const named = (message: MessageChoice<typeof planCreate>) => queue.failureGroups({ message });
    named("PLAN_CREATE");
  });
});

describe("handlers", () => {
  it("get decoded data and return app-side results", () => {
    createWorker(queue).handle(planCreate, async (context) => {
      expectTypeOf(context).toEqualTypeOf<HandlerContext<typeof planCreate>>();
      expectTypeOf(context.data).toEqualTypeOf<{ planId: string; startsAt: Date }>();
      expectTypeOf(context.job.messageType).toEqualTypeOf<"PLAN_CREATE">();
      expectTypeOf(context.dependencies.resultOf(planCreate)).resolves.toEqualTypeOf<{ savedAt: Date }>();
      expectTypeOf(context.progress).parameter(0).toEqualTypeOf<never>();
      return { savedAt: new Date() };
    });
    createWorker(queue).handle(planCreate, async (context) => {
      const create = (given: HandlerContext<typeof planCreate> & { readonly db: string }) => given.data;
      create(context.with({ db: "app" }));
      // @ts-expect-error a spread copy has none of the getters
      create({ ...context, db: "app" });
      return { savedAt: new Date() };
    });
    // @ts-expect-error the wrong result
    createWorker(queue).handle(planCreate, async () => ({ savedAt: "now" }));
    // @ts-expect-error no result
    createWorker(queue).handle(planCreate, async () => {});
    // @ts-expect-error a result where the contract has none
    createWorker(queue).handle(phaseCreate, async () => ({ savedAt: new Date() }));
    // @ts-expect-error the message isn't in the registry
    createWorker(queue).handle(stranger, async () => {});
    createWorker(queue).handle(scan, ({ progress }) => {
      progress({ scanned: 1 });
      // @ts-expect-error the wrong progress
      progress({ scanned: "one" });
    });
  });

  it("are complete with handleAll", () => {
    const saved = () => ({ savedAt: new Date() });
    createWorker(queue).handleAll({
      PLAN_CREATE: async ({ data }) => {
        expectTypeOf(data.startsAt).toEqualTypeOf<Date>();
        return saved();
      },
      PHASE_CREATE: ({ data }) => {
        expectTypeOf(data.weeks).toEqualTypeOf<number>();
      },
      SCAN: () => {},
    });
    // What has a handler already needn't be named again.
    createWorker(queue)
      .handle(scan, () => {})
      .handleAll({ PLAN_CREATE: saved, PHASE_CREATE: () => {} });
    // @ts-expect-error SCAN is missing
    createWorker(queue).handleAll({ PLAN_CREATE: saved, PHASE_CREATE: () => {} });
    createWorker(queue).handleAll({
      PLAN_CREATE: saved,
      PHASE_CREATE: () => {},
      SCAN: () => {},
      // @ts-expect-error no such message
      STRANGER: () => {},
    });
    createWorker(queue).handleAll({
      // @ts-expect-error the wrong result
      PLAN_CREATE: () => ({ savedAt: 1 }),
      PHASE_CREATE: () => {},
      SCAN: () => {},
    });
  });

  it("of a test queue may be some", () => {
    createTestQueue({ registry, handlers: { SCAN: ({ data }) => void data.channel } });
    // @ts-expect-error the wrong result
    createTestQueue({ registry, handlers: { PLAN_CREATE: () => ({ savedAt: 1 }) } });
  });
});

describe("queues", () => {
  it("of some messages stand in for queues of all", () => {
    assertType<Queue>(queue as unknown as Queue);
    expectTypeOf(queue).toEqualTypeOf<Queue<typeof planCreate | typeof phaseCreate | typeof scan>>();
  });
});

describe("paths into a message", () => {
  interface Deep {
    readonly name: string;
    readonly next?: Deep;
  }
  const data = z.object({
    clientId: z.string(),
    client: z.object({ id: z.number(), address: z.object({ city: z.string().optional() }).nullable() }),
    at: isoDate,
    due: z.coerce.date(),
    brand: z.string().brand("brand"),
    labels: z.record(z.string(), z.string()),
    cards: z.array(z.object({ number: z.string() })),
    payment: z.union([z.string(), z.object({ iban: z.string() })]),
    anything: z.unknown(),
    deep: z.custom<Deep>(),
  });
  const define = (
    definition: Pick<MessageDefinition<typeof data, undefined, undefined>, "searchable" | "sensitive">,
  ) => defineMessage("ORDER", { data, ...definition });

  it("to scalars are searchable", () => {
    define({ searchable: ["clientId", "client.id", "client.address.city", "at"] });
    define({ searchable: ["due", "brand", "labels.color", "payment"] });
    define({ searchable: ["payment.iban", "anything", "anything.below", "deep.next.next.name"] });
    // From the fifth level on, and where the schema says nothing, any text will do.
    define({ searchable: ["deep.next.next.next.next.nonsense"] });
    // @ts-expect-error no such member
    define({ searchable: ["clientNr"] });
    // @ts-expect-error no such member
    define({ searchable: ["client.nr"] });
    // @ts-expect-error an object
    define({ searchable: ["client"] });
    // @ts-expect-error an array
    define({ searchable: ["cards"] });
    // @ts-expect-error inside of an array
    define({ searchable: ["cards.0.number"] });
    // @ts-expect-error inside of a scalar
    define({ searchable: ["clientId.length"] });
    // @ts-expect-error inside of a scalar of the fourth level
    define({ searchable: ["deep.next.next.name.length"] });
  });

  it("to any member may be sensitive", () => {
    define({ sensitive: { data: ["client", "client.id", "cards", "cards.*", "cards.*.number"] } });
    define({ sensitive: { data: ["labels.*", "payment.iban", "at", "deep.next", "anything.x"] } });
    define({ sensitive: { data: true } });
    // @ts-expect-error no such member
    define({ sensitive: { data: ["card"] } });
    // @ts-expect-error each element is *
    define({ sensitive: { data: ["cards.number"] } });
    // @ts-expect-error a list, or true
    define({ sensitive: { data: "client" } });
    defineMessage("PAY", {
      data,
      result: z.object({ token: z.string() }),
      progress: z.object({ log: z.string() }),
      sensitive: { data: ["clientId"], result: ["token"], progress: ["log"] },
    });
    // @ts-expect-error no such member of the result
    defineMessage("PAY", { data, result: z.object({ token: z.string() }), sensitive: { result: ["key"] } });
    // @ts-expect-error the message has no progress
    defineMessage("PAY", { data, sensitive: { progress: ["log"] } });
  });

  it("leave the message's types as they are", () => {
    const message = defineMessage("ORDER", {
      data: z.object({ at: isoDate, id: z.string() }),
      examples: [{ at: "2026-01-01T00:00:00Z", id: "a" }],
      searchable: ["id"],
      sensitive: { data: ["at"] },
    });
    expectTypeOf(message.data).toEqualTypeOf<z.ZodObject<{ at: typeof isoDate; id: z.ZodString }>>();
    expectTypeOf(message.searchable).toEqualTypeOf<readonly string[]>();
    // @ts-expect-error the wire side of a date is text
    defineMessage("ORDER", { data: z.object({ at: isoDate }), examples: [{ at: new Date() }] });
  });
});

describe("a JSON Schema", () => {
  it("is taken where others take one, and takes others'", () => {
    const { data } = messageJsonSchema(planCreate);
    expectTypeOf(data.properties?.planId?.title).toEqualTypeOf<string | undefined>();
    z.fromJSONSchema(data);
    interface Draft7 {
      readonly type?: string;
    }
    messageJsonSchema(planCreate, { schemas: { data: {} as Draft7 } });
    // @ts-expect-error not a schema
    messageJsonSchema(planCreate, { schemas: { data: "{}" } });
    registryJsonSchema(registry).PLAN_CREATE?.data;
  });
});

describe("a wire form", () => {
  it("keeps the type of its message", async () => {
    const snapshot = (await queue.get("an id"))!;
    if (snapshot.messageType !== "PLAN_CREATE") return;
    const wire = toWire(snapshot);
    expectTypeOf(wire.messageType).toEqualTypeOf<"PLAN_CREATE">();
    expectTypeOf(wire.sentAt).toEqualTypeOf<string>();
    expectTypeOf(wire.failures[0]!.at).toEqualTypeOf<string>();
    expectTypeOf(wire.result).toEqualTypeOf<unknown>();
    expectTypeOf(await fromWire(wire, registry)).toEqualTypeOf<JobSnapshot<typeof planCreate>>();
    const any: WireSnapshot = wire;
    const back = await fromWire(any, registry);
    if (back.messageType === "PLAN_CREATE")
      expectTypeOf(back.result?.savedAt).toEqualTypeOf<Date | undefined>();
  });

  it("of a report has dates as text", async () => {
    const wire = toWire(await queue.stats());
    expectTypeOf(wire.at).toEqualTypeOf<string>();
    expectTypeOf(wire.totals.states.queued).toEqualTypeOf<number>();
    expectTypeOf(reportFromWire<Stats>(wire)).toEqualTypeOf<Stats>();
    // @ts-expect-error no report
    toWire({ some: "thing" });
  });
});
