import { afterEach, describe, expect, test } from "vitest";
import * as z from "zod";
import type { NewJob } from "../src/engine/index.ts";
import {
  createQueue,
  createRegistry,
  defineMessage,
  type Engine,
  isQueueError,
  type Middleware,
  memoryEngine,
  type Outbox,
  type Queue,
  type QueueError,
  type SendOptions,
} from "../src/index.ts";
import { alterEngine } from "../src/testing/index.ts";

const plan = defineMessage("PLAN", { data: z.object({ key: z.string().optional() }) });
const ordered = defineMessage("ORDERED", {
  data: z.object({ key: z.string() }),
  orderingKey: ({ key }) => key,
});
const registry = createRegistry([plan, ordered]);
const half = "Ada \ud83d";

let queue: Queue<typeof plan | typeof ordered>;

afterEach(() => queue.close());

function open(options: { engine?: Engine; middleware?: Middleware[]; outbox?: Outbox } = {}) {
  queue = createQueue({ registry, engine: memoryEngine(), closeEngine: true, ...options });
  return queue;
}

async function rejection(promise: Promise<unknown>): Promise<QueueError> {
  const error = await promise.then(
    () => new Error("it was accepted"),
    (reason) => reason,
  );
  if (isQueueError(error)) return error;
  throw error;
}

const fields: readonly [string, SendOptions][] = [
  ["userId", { userId: half }],
  ["dedupe.key", { dedupe: { key: half, window: "1h" } }],
  ["metadata", { metadata: { [half]: 1 } }],
  ["metadata.user", { metadata: { user: half } }],
  ["metadata.list.0.name", { metadata: { list: [{ name: half }] } }],
];

describe("text that isn't well-formed Unicode is refused", () => {
  test.each(fields)("in %s, with its neighbours of the tick stored", async (path, options) => {
    open();
    const [before, error, after] = await Promise.all([
      queue.send(plan, {}, { id: "before" }),
      rejection(queue.send(plan, {}, { id: "bad", priority: 5, ...options })),
      queue.send(plan, {}, { id: "after" }),
    ]);
    expect([before.created, after.created]).toEqual([true, true]);
    expect(error.code).toMatch(/^INVALID_(OPTIONS|DATA)$/);
    expect(error.issues[0]?.path).toBe(path);
    expect(error.message).toContain("half a surrogate pair");
    expect(error.message).toBe(error.message.replaceAll(/\p{Surrogate}/gu, ""));
    expect(await queue.get("bad")).toBeNull();
  });

  test.each(fields)("in %s of a sendMany, which names the item", async (path, options) => {
    open();
    const good = { message: plan, data: {} };
    const error = await rejection(queue.sendMany([good, { ...good, options: options as never }]));
    expect(error.issues[0]?.path).toMatch(new RegExp(`^1\\.(options\\.)?${path.replaceAll(".", "\\.")}$`));
    expect((await queue.list()).jobs).toEqual([]);
  });

  test("as an ordering key", async () => {
    open();
    const error = await rejection(queue.send(ordered, { key: half }));
    expect(error).toMatchObject({ code: "INVALID_DATA", issues: [{ path: "orderingKey" }] });
  });

  test("in a transaction, of which nothing is stored", async () => {
    const stored: NewJob[] = [];
    const outbox: Outbox = {
      add: async (_tx, jobs) => void stored.push(...jobs),
      start: () => Promise.reject(new Error("unused")),
    };
    open({ outbox });
    const tx = {};
    for (const [, { dedupe, ...options }] of fields) {
      if (dedupe) continue;
      await rejection(queue.send(plan, {}, { ...options, tx }));
      await rejection(queue.sendMany([{ message: plan, data: {}, options }], { tx }));
    }
    await rejection(queue.send(ordered, { key: half }, { tx }));
    expect(stored).toEqual([]);
  });

  test("while data may hold it, and other hostile text is kept as it is", async () => {
    open();
    const texts = [
      "nul \u0000",
      "-".repeat(65),
      "emoji 🏋️",
      "\u2028",
      "a\r\nb",
      '{"json":"{}"}',
      "‮rtl",
      "__proto__",
    ];
    for (const [index, text] of texts.entries()) {
      const options = {
        userId: text,
        metadata: { [`k${text}`]: text },
        dedupe: { key: text, window: "1h" },
      } as const;
      const job = await queue.get(await queue.send(ordered, { key: text }, options));
      expect(job).toMatchObject({
        userId: text,
        metadata: options.metadata,
        orderingKey: text,
        data: { key: text },
      });
      expect((await queue.send(ordered, { key: `${index}` }, options)).created).toBe(false);
    }
    expect((await queue.get(await queue.send(plan, { key: half })))?.data).toEqual({ key: half });
  });
});

describe("metadata", () => {
  test.each([
    ["metadata.at", { at: new Date(0) }],
    ["metadata.tags", { tags: new Set(["a"]) }],
    ["metadata.n", { n: Number.NaN }],
    ["metadata.list.0", { list: [undefined] }],
    ["metadata.run", { run: () => 1 }],
  ])("that JSON would change is refused: %s", async (path, metadata) => {
    open();
    const error = await rejection(queue.send(plan, {}, { metadata }));
    expect(error).toMatchObject({ code: "INVALID_DATA", issues: [{ path }] });
  });

  test("may have undefined members, which count as absent", async () => {
    open();
    const job = await queue.get(await queue.send(plan, {}, { metadata: { a: 1, b: undefined } }));
    expect(job?.metadata).toEqual({ a: 1 });
  });
});

describe("what a send middleware changes is checked like what was sent", () => {
  test.each<[string, object]>([
    ["id", { id: "a b" }],
    ["userId", { userId: half }],
    ["userId", { userId: 7 }],
    ["traceparent", { traceparent: half }],
    ["traceparent", { traceparent: "0".repeat(257) }],
    ["metadata.user", { metadata: { user: half } }],
    ["priority", { priority: Number.NaN }],
    ["delay", { delay: -1 }],
    ["attempts", { attempts: 0.5 }],
    ["dedupe.key", { dedupe: { key: "", window: 1 } }],
    ["dependsOn.0", { dependsOn: [{ job: "a b", onFailure: "cancel" }] }],
    ["message", { message: undefined }],
  ])("%s", async (path, change) => {
    const send: Middleware["send"] = (requests, next) =>
      next(requests.map((request) => (request.id === "bad" ? { ...request, ...change } : request)));
    open({ middleware: [{ send }] });
    const [good, error] = await Promise.all([
      queue.send(plan, {}),
      rejection(queue.send(plan, {}, { id: "bad" })),
    ]);
    expect(good.created).toBe(true);
    expect(error.code).toMatch(/^INVALID_(OPTIONS|DATA)$/);
    expect(error.issues[0]?.path).toBe(path);
    const many = await rejection(queue.sendMany([{ message: plan, data: {}, options: { id: "bad" } }]));
    expect(many.issues[0]?.path).toBe(`0.${path}`);
  });
});

describe("a call to the engine that fails", () => {
  /** An engine that fails for calls with certain jobs in them. */
  function failing(error: unknown, isBad: (id: string) => boolean): Engine {
    const engine = memoryEngine();
    return alterEngine(engine, {
      core: {
        async enqueue(batches) {
          if (batches.some(({ jobs }) => jobs.some(({ envelope }) => isBad(envelope.id)))) throw error;
          return engine.core.enqueue(batches);
        },
      },
    });
  }

  test("for a reason it doesn't know is made again for each send alone", async () => {
    const bug = new Error("ERR user_script:1: cjson");
    open({ engine: failing(bug, (id) => id === "bad") });
    const [first, error, last] = await Promise.all([
      queue.send(plan, {}, { id: "first" }),
      rejection(queue.send(plan, {}, { id: "bad" })),
      queue.send(plan, {}, { id: "last" }),
    ]);
    expect([first.id, last.id]).toEqual(["first", "last"]);
    expect(error).toMatchObject({ code: "ENGINE_FAILED", cause: bug, ids: ["bad"] });
  });

  test("says of a server that is away what to do: of a send, to repeat it with its id; of a read, that it comes back", async () => {
    const { redisEngine } = await import("../src/redis/index.ts");
    open({ engine: redisEngine({ url: "redis://127.0.0.1:1" }) });
    const sent = await rejection(queue.send(plan, {}));
    expect(sent.message).toContain(`With the same id, ${sent.ids[0]}, the job is stored once.`);
    const reads = [queue.get("a"), queue.stats(), queue.subscribe(() => {}), queue.cancel("a")];
    for (const read of reads) {
      const { code, message } = await rejection(read);
      expect(code).toBe("ENGINE_UNAVAILABLE");
      expect(message).toMatch(/reconnect by themselves\.$/);
      expect(message).not.toMatch(/send|id\b/);
    }
  });

  test("gives each send an error with its own ids, so that it can be sent again", async () => {
    let isDown = true;
    const { QueueError } = await import("../src/index.ts");
    const down = new QueueError("ENGINE_UNAVAILABLE", "The server is away.");
    open({ engine: failing(down, () => isDown) });
    const single = queue.send(plan, {});
    const many = queue.sendMany([
      { message: plan, data: {} },
      { message: plan, data: {} },
    ]);
    const errors = [await rejection(single), await rejection(many)];
    expect(errors.map(({ code, ids }) => [code, ids.length])).toEqual([
      ["ENGINE_UNAVAILABLE", 1],
      ["ENGINE_UNAVAILABLE", 2],
    ]);
    expect(errors[0]?.message).toContain(errors[0]?.ids[0]);
    isDown = false;
    const [id] = errors[0]!.ids;
    expect(await queue.send(plan, {}, { id })).toMatchObject({ id, created: true });
    expect(new QueueError("CLOSED", "closed").ids).toEqual([]);
  });
});
