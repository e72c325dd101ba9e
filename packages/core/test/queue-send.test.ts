import { describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  defineMessage,
  isQueueError,
  memoryEngine,
  type Queue,
  type SendNext,
  type SendRequest,
} from "../src/index.ts";
import { createIdSource } from "../src/queue/send/job-id.ts";
import { FakeClock } from "../src/testing/index.ts";
import {
  forward,
  type Messages,
  phaseCreate,
  plan,
  planCreate,
  registry,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

describe("ids", () => {
  it("are 24 lower-case characters that a double click selects, in the order of their making", () => {
    let now = 1_700_000_000_000;
    const next = createIdSource(() => (now += 0.01));
    const ids = Array.from({ length: 5_000 }, next);
    expect(ids.every((id) => /^[0-9a-hjkmnp-tv-z]{24}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
  });

  it("keep growing when the clock steps back", () => {
    let now = 2_000;
    const next = createIdSource(() => now);
    const first = next();
    now = 1_000;
    expect(next() > first).toBe(true);
  });

  it("of two sources never meet", () => {
    const [a, b] = [createIdSource(() => 1), createIdSource(() => 1)];
    expect(a()).not.toBe(b());
  });
});

describe("send", () => {
  it("answers a handle once the engine has stored the job", async () => {
    const { queue, flaky } = setup();
    const handle = await queue.send(planCreate, plan());
    expect({ ...handle }).toEqual({
      id: handle.id,
      messageType: "PLAN_CREATE",
      queue: "plans",
      created: true,
    });
    const [stored] = await flaky.engine.inspect.get([{ id: handle.id }]);
    expect(stored).toMatchObject({ state: "queued", maxAttempts: 3, queue: "plans" });
    expect(stored!.envelope).toEqual({
      id: handle.id,
      messageType: "PLAN_CREATE",
      version: 1,
      timestamp: "2026-01-01T00:00:00.000Z",
      data: '{"planId":"p1"}',
    });
  });

  it("carries its options", async () => {
    const { queue, clock } = setup();
    const first = await queue.send(planCreate, plan());
    const handle = await queue.send(planCreate, plan("p2"), {
      id: "my-job",
      userId: "u1",
      metadata: { source: "web" },
      delay: "10s",
      priority: 7,
      attempts: 9,
      dependsOn: [first, { job: first.id, onFailure: "cancel" }],
    });
    expect(handle.id).toBe("my-job");
    expect(await queue.get("my-job")).toMatchObject({
      userId: "u1",
      metadata: { source: "web" },
      priority: 7,
      maxAttempts: 9,
      state: "blocked",
      dependsOn: [{ job: first.id, onFailure: "cancel" }],
      sentAt: new Date(clock.now()),
    });
  });

  it("encodes: dates survive JSON", async () => {
    const { queue } = setup();
    const startsAt = new Date("2026-03-01T00:00:00Z");
    const handle = await queue.send(planCreate, { planId: "p1", startsAt });
    expect((await queue.get(handle))?.data).toEqual({ planId: "p1", startsAt });
  });

  it("succeeds or is refused by itself, whatever happens to the sends it travels with", async () => {
    const { queue } = setup();
    const [good, bad, other] = await Promise.allSettled([
      queue.send(planCreate, plan()),
      queue.send(planCreate, plan(), { dependsOn: ["nobody"] }),
      queue.send(planCreate, { planId: "" }),
    ]);
    expect(good.status).toBe("fulfilled");
    expect(bad).toMatchObject({ reason: { code: "DEPENDENCY_NOT_FOUND", missing: ["nobody"] } });
    expect(other).toMatchObject({ reason: { code: "INVALID_DATA", issues: [{ path: "planId" }] } });
  });

  it("stores one job for a repeated id, and answers the first for a dedupe key", async () => {
    const { queue } = setup();
    const first = await queue.send(planCreate, plan(), { id: "same" });
    const again = await queue.send(planCreate, plan(), { id: "same" });
    expect([first.created, again.created]).toEqual([true, false]);

    const dedupe = { key: "nightly", window: "1h" } as const;
    const one = await queue.send(planCreate, plan(), { dedupe });
    const two = await queue.send(planCreate, plan(), { dedupe });
    expect(two).toMatchObject({ id: one.id, created: false });
  });

  it("refuses unknown and ill-formed options by name, and stores nothing", async () => {
    const { queue, flaky } = setup();
    const cases: [object, RegExp][] = [
      [{ prio: 1 }, /unknown option "prio"/],
      [{ delay: "soon" }, /delay/],
      [{ priority: 1001 }, /priority/],
      [{ attempts: 0 }, /attempts/],
      [{ id: "no spaces" }, /id/],
      [{ dedupe: { key: "", window: 1 } }, /dedupe\.key/],
      [{ metadata: [] }, /metadata/],
      [{ dependsOn: [42] }, /dependsOn\.0/],
      [{ dependsOn: [{ job: "a", onFailure: "explode" }] }, /dependsOn\.0/],
      [{ dependsOn: [{ job: "a", policy: "run" }] }, /dependsOn\.0/],
      [{ dependsOn: ["a", { job: "a", onFailure: "run" }] }, /twice/],
    ];
    for (const [options, message] of cases) {
      const error = await rejection(queue.send(planCreate, plan(), options));
      expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringMatching(message) });
    }
    expect(flaky.count("enqueue")).toBe(0);
  });

  it("caps metadata and data", async () => {
    const { queue } = setup();
    const long = "x".repeat(300_000);
    expect(await rejection(queue.send(planCreate, plan(long)))).toMatchObject({ code: "PAYLOAD_TOO_LARGE" });
    const metadata = { long: "x".repeat(20_000) };
    expect(await rejection(queue.send(planCreate, plan(), { metadata }))).toMatchObject({
      code: "PAYLOAD_TOO_LARGE",
    });
    const hostile = JSON.parse('{"__proto__": {"admin": true}}');
    expect(await rejection(queue.send(planCreate, plan(), { metadata: hostile }))).toMatchObject({
      code: "INVALID_DATA",
    });
  });

  it("refuses a message that isn't in the registry, and knows one by its name", async () => {
    const { queue } = setup();
    const stranger = defineMessage("STRANGER", { data: z.object({}) });
    const error = await rejection((queue as unknown as Queue).send(stranger, {}));
    expect(error).toMatchObject({ code: "UNKNOWN_MESSAGE", message: expect.stringContaining("STRANGER") });

    // A bundler may load the module of the messages twice.
    const twin = defineMessage("PLAN_CREATE", { data: z.object({ planId: z.string() }) });
    expect(await (queue as unknown as Queue).send(twin, plan())).toMatchObject({ queue: "plans" });
  });

  it("waits for schemas that are asynchronous", async () => {
    const slow = defineMessage("SLOW", {
      data: z.object({ id: z.string().refine(async (id) => id !== "taken", "is taken") }),
    });
    const queue = createQueue({ registry: createRegistry([slow]) });
    await queue.send(slow, { id: "free" });
    expect(await rejection(queue.send(slow, { id: "taken" }))).toMatchObject({
      code: "INVALID_DATA",
      issues: [{ path: "id", message: "is taken" }],
    });
    await queue.close();
  });

  it("refuses, by name, what the engine doesn't offer", async () => {
    const clock = new FakeClock();
    const { queue } = setup({
      features: { dependencies: false, orderingKeys: false, delays: false, priorities: false, dedupe: false },
      without: ["inspect", "operate", "events", "queues"],
    });
    const refusals = [
      queue.send(planCreate, plan(), { delay: 1 }),
      queue.send(planCreate, plan(), { priority: 1 }),
      queue.send(planCreate, plan(), { dedupe: { key: "k", window: 1 } }),
      queue.send(planCreate, plan(), { dependsOn: ["a"] }),
      queue.send(phaseCreate, { planId: "p1", index: 0 }),
      queue.get("a"),
      queue.wait("a"),
      queue.list(),
      queue.explain("a"),
      queue.cancel("a"),
      queue.pause("workouts"),
      queue.stats(),
      queue.metrics({ since: 0 }),
      queue.subscribe(() => {}),
    ];
    for (const refusal of refusals) {
      expect(await rejection(refusal)).toMatchObject({ code: "UNSUPPORTED_BY_ENGINE" });
    }
    expect(await queue.send(planCreate, plan(), { delay: 0, priority: 0 })).toBeDefined();
    expect(clock.nextTimer).toBeUndefined();
  });

  it("takes an ordering key from the contract and refuses one that isn't text", async () => {
    const odd = defineMessage("ODD", {
      data: z.object({ key: z.any().optional() }),
      orderingKey: ({ key }) => {
        if (key === "boom") throw new Error("no key");
        return key;
      },
    });
    const queue = createQueue({ registry: createRegistry([odd]) });
    const handle = await queue.send(odd, { key: "a" });
    expect((await queue.get(handle))?.orderingKey).toBe("a");
    expect((await queue.get(await queue.send(odd, { key: undefined })))?.orderingKey).toBeUndefined();
    for (const key of [7, "", "x".repeat(257), "boom"]) {
      expect(await rejection(queue.send(odd, { key }))).toMatchObject({ code: "INVALID_DATA" });
    }
    await queue.close();
  });

  it("passes an engine's failure on to each send", async () => {
    const { queue, flaky } = setup();
    flaky.fail("enqueue");
    const error = await rejection(queue.send(planCreate, plan()));
    expect(isQueueError(error, "ENGINE_UNAVAILABLE") && error.retryable).toBe(true);
    flaky.mend();
    await queue.send(planCreate, plan());
  });
});

describe("close", () => {
  it("sends what is waiting, then refuses more", async () => {
    const { queue, flaky } = setup();
    const pending = queue.send(planCreate, plan());
    await queue.close();
    await pending;
    expect(flaky.count("close")).toBe(1);
    expect(await rejection(queue.send(planCreate, plan()))).toMatchObject({ code: "CLOSED" });
    await queue.close();
  });

  it("closes the engine that the queue made", async () => {
    const queue: Queue<Messages> = createQueue({ registry });
    await queue.send(scan, forward);
    await queue.close();
    expect(await queue.health()).toMatchObject({ status: "critical" });
  });

  it("closes an engine with the last queue that uses it", async () => {
    const engine = memoryEngine();
    const first = createQueue({ registry, engine });
    const second = createQueue({ registry, engine });
    await first.close();
    await first.close();
    await second.send(scan, forward);
    await second.close();
    const refused = await rejection(createQueue({ registry, engine }).send(scan, forward));
    expect(refused).toMatchObject({
      code: "CLOSED",
      message: expect.stringContaining("`closeEngine: false`"),
    });
  });

  it("leaves an engine open for all when one queue says so", async () => {
    const engine = memoryEngine();
    const kept = createQueue({ registry, engine, closeEngine: false });
    await kept.close();
    const queue = createQueue({ registry, engine });
    await queue.close();
    expect(await engine.core.health()).toMatchObject({ ok: true });
    await engine.core.close();
  });

  it("is refused options it doesn't know", () => {
    expect(() => createQueue({ registry, engines: [] } as never)).toThrow(/unknown option "engines"/);
    expect(() => createQueue({} as never)).toThrow(/registry/);
  });
});

describe("closing", () => {
  it("is one and the same for everyone, and isn't held up by an engine that never answers", async () => {
    const { queue, flaky, clock } = setup();
    flaky.hang("enqueue");
    const sent = rejection(queue.send(planCreate, plan()));
    const ended: string[] = [];
    const first = queue.close().then(() => ended.push("first"));
    const second = queue.close().then(() => ended.push("second"));
    await clock.advance(4_000);
    expect(ended).toEqual([]);
    await clock.advance(1_000);
    await Promise.all([first, second]);
    expect(await sent).toMatchObject({ code: "ENGINE_UNAVAILABLE" });
    expect(clock.nextTimer).toBeUndefined();
  });

  it("ends waits before the last sends are stored", async () => {
    const { queue, flaky, clock } = setup();
    const handle = await queue.send(planCreate, plan());
    const waited = rejection(handle.wait());
    flaky.hang("enqueue");
    const sent = queue.send(planCreate, plan());
    const closed = queue.close();
    expect(await waited).toMatchObject({ code: "CLOSED" });
    flaky.mend();
    await Promise.all([closed, sent]);
    expect(clock.nextTimer).toBeUndefined();
  });

  it("makes every other method reject with CLOSED", async () => {
    const { queue } = setup();
    await queue.close();
    const calls = [
      () => queue.send(planCreate, plan()),
      () => queue.sendMany([]),
      () => queue.get("a"),
      () => queue.wait("a"),
      () => queue.cancel("a"),
      () => queue.cancelMany(["a"]),
      () => queue.retry("a"),
      () => queue.retryMany(["a"]),
      () => queue.remove("a"),
      () => queue.removeMany(["a"]),
      () => queue.promote("a"),
      () => queue.promoteMany(["a"]),
      () => queue.explain("a"),
      () => queue.list(),
      () => queue.stats(),
      () => queue.metrics({ since: 0 }),
      () => queue.pause("plans"),
      () => queue.resume("plans"),
      () => queue.clean({ state: "completed" }),
      () => queue.subscribe(() => {}),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ code: "CLOSED" });
  });
});

describe("mistaken calls", () => {
  it("are told in words", async () => {
    const { queue } = setup();
    const wrong = queue as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    const refuses = async (call: Promise<unknown>, message: RegExp) => {
      const error = await rejection(call);
      expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringMatching(message) });
    };
    await refuses(wrong.send!("PLAN_CREATE", {}), /expected a message \(defineMessage\), got a string/);
    await refuses(wrong.subscribe!(), /expected a function/);
    await refuses(
      wrong.subscribe!(() => {}, { queues: ["plan"] }),
      /There is no queue "plan"/,
    );
    await refuses(wrong.list!({ queue: "plan" }), /There is no queue "plan"/);
    await refuses(wrong.metrics!(), /metrics/);
    for (const since of [undefined, "yesterday", new Date(Number.NaN)]) {
      await refuses(wrong.metrics!({ since }), /since: expected a date/);
    }
  });

  it("of middleware are refused, by use and by createQueue", async () => {
    const { queue } = setup();
    const expected = "expected { send?, run?, progress?, settled?, start? }, functions and nothing else";
    for (const middleware of [
      null,
      undefined,
      "audit",
      { onSend: () => {} },
      { send: true },
      { start: {} },
    ]) {
      expect(() => queue.use(middleware as never)).toThrow(expected);
      const options = { registry, middleware: [middleware] } as never;
      expect(() => createQueue(options)).toThrow(`middleware.0: ${expected}`);
    }
    class Audit {
      seen = 0;
      send(requests: readonly SendRequest[], next: SendNext) {
        this.seen += requests.length;
        return next(requests);
      }
    }
    const audit = new Audit();
    await queue.use(audit).send(planCreate, plan());
    expect(audit.seen).toBe(1);
    queue.use({ send: (async (requests: never, next: SendNext) => void (await next(requests))) as never });
    expect(await rejection(queue.send(planCreate, plan()))).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("must return what `next` returned"),
    });
  });
});
