import { describe, expect, it } from "vitest";
import {
  createQueue,
  createRegistry,
  HEALTH_THRESHOLDS,
  type JobEvent,
  type Message,
  type Queue,
  UnrecoverableError,
} from "../src/index.ts";
import {
  forward,
  Gate,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

describe("get", () => {
  it("answers null for an unknown job", async () => {
    const { queue } = setup();
    expect(await queue.get("nobody")).toBeNull();
  });

  it("shows a finished job decoded, with dates", async () => {
    const { queue, start, settle, clock } = setup();
    await start({
      PLAN_CREATE: ({ log }) => {
        log("saving");
        return planResult();
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    const now = new Date(clock.now());
    expect(await queue.get(handle)).toMatchObject({
      state: "completed",
      data: plan(),
      result: planResult(),
      raw: false,
      attempt: 1,
      epoch: 1,
      createdAt: now,
      startedAt: now,
      finishedAt: now,
      logs: [{ at: now, message: "saving" }],
    });
  });

  it("shows what the contract can't read as it is", async () => {
    const { queue, flaky } = setup();
    const handle = await queue.send(planCreate, plan());
    const stranger = createQueue({ registry: createRegistry([]), engine: flaky.engine });
    expect(await stranger.get(handle.id)).toMatchObject({
      raw: true,
      data: { planId: "p1" },
      messageType: "PLAN_CREATE",
    });
  });

  it("tells of failed attempts", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new TypeError("no such column");
      },
    });
    const handle = await queue.send(planCreate, plan());
    await settle();
    const job = await queue.get(handle);
    expect(job).toMatchObject({
      state: "scheduled",
      error: { code: "HANDLER_FAILED", name: "TypeError", message: "no such column" },
      failures: [{ epoch: 1, error: { code: "HANDLER_FAILED" } }],
    });
    expect(job?.error?.stack).toContain("queue-operate.test");
  });
});

describe("operating on one job", () => {
  it("cancels, retries, promotes and removes", async () => {
    const { queue } = setup();
    const handle = await queue.send(planCreate, plan(), { delay: "1h" });
    await queue.promote(handle);
    expect((await queue.get(handle))?.state).toBe("queued");
    expect(await queue.cancel(handle, { reason: "why not" })).toBe("cancelled");
    expect(await queue.get(handle)).toMatchObject({ state: "cancelled", error: { message: "why not" } });
    await queue.retry(handle);
    expect((await queue.get(handle))?.state).toBe("queued");
    await queue.remove(handle);
    expect(await queue.get(handle)).toBeNull();
  });

  it("says in which state a job is that doesn't allow it", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    await start({ PHASE_CREATE: () => gate.wait(), PLAN_CREATE: () => planResult() });
    const done = await queue.send(planCreate, plan());
    const running = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    const refusals: [Promise<unknown>, RegExp][] = [
      [queue.cancel(done), /is completed, so it can't be cancelled/],
      [queue.retry(done), /is completed, so it can't be retried/],
      [queue.promote(done), /is completed, so it can't be promoted/],
      [queue.remove(running), /is active, so it can't be removed/],
      [queue.retry(running), /is active, so it can't be retried/],
    ];
    for (const [refusal, message] of refusals) {
      expect(await rejection(refusal)).toMatchObject({
        code: "INVALID_STATE",
        message: expect.stringMatching(message),
      });
    }
    expect(await queue.cancel(running)).toBe("cancelling");
    gate.open();
  });

  it("says JOB_NOT_FOUND for one that isn't there", async () => {
    const { queue } = setup();
    for (const refusal of [
      queue.cancel("nobody"),
      queue.retry("nobody"),
      queue.promote("nobody"),
      queue.remove("nobody"),
      queue.explain("nobody"),
    ]) {
      expect(await rejection(refusal)).toMatchObject({ code: "JOB_NOT_FOUND" });
    }
  });
});

describe("operating on many jobs", () => {
  it("answers an outcome for each, in order", async () => {
    const { queue } = setup();
    const later = await queue.send(planCreate, plan(), { delay: "1h" });
    const ready = await queue.send(planCreate, plan());
    expect(await queue.promoteMany([later, ready.id, "nobody"])).toEqual([
      { id: later.id, outcome: "promoted" },
      { id: ready.id, outcome: "not-scheduled" },
      { id: "nobody", outcome: "unknown" },
    ]);
    const outcomes = async (answer: Promise<readonly { outcome: string }[]>) =>
      (await answer).map(({ outcome }) => outcome);
    expect(await outcomes(queue.cancelMany([later, ready]))).toEqual(["cancelled", "cancelled"]);
    expect(await outcomes(queue.cancelMany([later]))).toEqual(["finished"]);
    expect(await outcomes(queue.retryMany([later]))).toEqual(["retried"]);
    expect(await outcomes(queue.retryMany([later]))).toEqual(["not-failed"]);
    expect(await outcomes(queue.removeMany([later, ready, "nobody"]))).toEqual([
      "removed",
      "removed",
      "unknown",
    ]);
  });

  it("splits what is too much for one call, and bounds the whole", async () => {
    const { queue, flaky } = setup();
    const ids = Array.from({ length: 2_500 }, (_, index) => `job-${index}`);
    expect(await queue.cancelMany(ids)).toHaveLength(2_500);
    expect(flaky.count("cancel")).toBe(3);
    expect(await rejection(queue.cancelMany(Array(10_001).fill("a")))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
  });
});

describe("list and clean", () => {
  it("pages through jobs, newest first, by state, queue and message", async () => {
    const { queue } = setup();
    const plans = await Promise.all([1, 2, 3].map((n) => queue.send(planCreate, plan(`p${n}`))));
    await queue.send(scan, forward);
    const first = await queue.list({ queue: "plans", limit: 2 });
    const ids = (page: typeof first) => page.jobs.map(({ id }) => id);
    expect(ids(first)).toEqual([plans[2]!.id, plans[1]!.id]);
    const last = await queue.list({ queue: "plans", limit: 2, cursor: first.cursor });
    expect([ids(last), last.cursor]).toEqual([[plans[0]!.id], undefined]);
    expect((await queue.list({ message: scan })).jobs[0]?.data.channel).toBe("general");
    expect((await queue.list({ message: "SCAN", state: ["queued", "failed"] })).jobs).toHaveLength(1);
    expect((await queue.list({ state: "failed" })).jobs).toEqual([]);
  });

  it("bounds the page and checks names", async () => {
    const { queue } = setup();
    for (const options of [{ limit: 1_001 }, { limit: 0 }, { state: "done" }, { page: 2 }]) {
      expect(await rejection(queue.list(options as never))).toMatchObject({ code: "INVALID_OPTIONS" });
    }
    const error = await rejection(queue.list({ queue: "plan" }));
    expect(error.message).toBe('There is no queue "plan". Did you mean plans?');
  });

  it("removes finished jobs of a certain age", async () => {
    const { queue, start, settle, clock } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    await queue.send(planCreate, plan());
    await settle();
    expect(await queue.clean({ state: "completed", olderThan: "1m" })).toBe(0);
    await clock.advance(60_000);
    expect(await queue.clean({ state: "completed", olderThan: "1m", queue: "plans" })).toBe(1);
    expect(await rejection(queue.clean({ state: "active" } as never))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
  });
});

describe("pause", () => {
  it("keeps jobs back until the queue is resumed", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    await queue.pause("plans");
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect((await queue.get(handle))?.state).toBe("queued");
    expect((await queue.explain(handle)).summary).toContain("paused");
    await queue.resume("plans");
    expect(await queue.wait(handle)).toEqual(planResult());
  });

  it("knows the queues", async () => {
    const { queue } = setup();
    expect(await rejection(queue.pause("plan"))).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("Did you mean plans?"),
    });
  });
});

describe("stats, health and metrics", () => {
  it("count by queue, in total, and lately", async () => {
    const { queue, start, settle, clock } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    await Promise.all([1, 2, 3].map((n) => queue.send(planCreate, plan(`p${n}`))));
    await queue.send(scan, forward, { delay: "1h" });
    await settle();
    const stats = await queue.stats();
    expect(stats.queues.map(({ queue: name }) => name)).toEqual(["default", "phases", "plans"]);
    expect(stats.totals.states).toMatchObject({ completed: 3, scheduled: 1, queued: 0 });
    expect(stats.totals.recent).toMatchObject({ sent: 4, completed: 3, failureRate: 0 });
    const minutes = await queue.metrics({ since: 0 });
    expect(minutes.map((bucket) => bucket.sent).toSorted()).toEqual([1, 3]);
    expect(minutes.every((bucket) => bucket.minute instanceof Date && !("message" in bucket))).toBe(true);
    expect(stats).toMatchObject({ at: expect.any(Date), since: expect.any(Date) });
    expect(stats.queues.every((entry) => !("messages" in entry))).toBe(true);
    await clock.advance(10 * 60_000);
    expect((await queue.stats()).totals.recent).toMatchObject({ sent: 0, completed: 0 });
  });

  it("count each message apart if asked to", async () => {
    const { queue, start, settle } = setup();
    await start({ SCAN: () => {}, PHASE_CREATE: () => {} });
    await queue.send(scan, forward);
    await queue.send(scan, forward);
    await queue.send(phaseCreate, { planId: "p1", index: 0 });
    await settle();
    const minutes = await queue.metrics({ since: new Date(0), byMessage: true });
    expect(minutes.map(({ message, sent, completed }) => ({ message, sent, completed }))).toEqual([
      { message: "SCAN", sent: 2, completed: 2 },
      { message: "PHASE_CREATE", sent: 1, completed: 1 },
    ]);
    const { queues } = await queue.stats({ byMessage: true });
    expect(queues.map((entry) => entry.messages)).toMatchObject([
      [{ message: "SCAN", recent: { sent: 2, completed: 2 } }],
      [{ message: "PHASE_CREATE", recent: { sent: 1, completed: 1 } }],
      [],
    ]);
    expect(await rejection(queue.stats({ byQueue: true } as never))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
  });

  it("say how long jobs wait, and warn when one waits for long while others run", async () => {
    const { queue, start, settle, clock } = setup();
    await start({ PLAN_CREATE: () => planResult() }, { queues: ["plans"] });
    await queue.pause("plans");
    await queue.send(planCreate, plan());
    await clock.advance(16 * 60_000);
    const find = async () => (await queue.stats()).queues.find((entry) => entry.queue === "plans");
    expect(await find()).toMatchObject({ oldestWaiting: 16 * 60_000 });
    await queue.resume("plans");
    await settle();
    expect(await find()).not.toHaveProperty("oldestWaiting");
  });

  it("are healthy when all goes well", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    await queue.send(planCreate, plan());
    await settle();
    expect(await queue.health()).toMatchObject({ status: "healthy", reasons: [], engine: { ok: true } });
  });

  it("warn of failures, and call many of them critical", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: ({ data }) => {
        if (data.planId === "bad") throw new UnrecoverableError("bad");
        return planResult();
      },
    });
    const { minEnded } = HEALTH_THRESHOLDS.failureRate;
    await Promise.all(
      Array.from({ length: minEnded }, (_, n) => queue.send(planCreate, plan(n < 2 ? "bad" : "ok"))),
    );
    await settle();
    expect(await queue.health()).toMatchObject({
      status: "warning",
      reasons: [{ kind: "failures", queue: "plans", status: "warning" }],
    });
    await Promise.all(Array.from({ length: 2 * minEnded }, () => queue.send(planCreate, plan("bad"))));
    await settle();
    expect((await queue.health()).status).toBe("critical");
  });

  it("notice queues that nobody serves, paused ones, and an engine that is away", async () => {
    const { queue, clock, flaky } = setup();
    await queue.send(planCreate, plan());
    expect((await queue.health()).reasons).toMatchObject([{ kind: "unserved", status: "warning" }]);
    await clock.advance(6 * 60_000);
    expect((await queue.health()).reasons).toMatchObject([{ kind: "unserved", status: "critical" }]);
    await queue.pause("plans");
    expect((await queue.health()).reasons).toMatchObject([{ kind: "paused", status: "warning" }]);
    flaky.fail("health");
    expect((await queue.health()).reasons).toMatchObject([{ kind: "engine", status: "critical" }]);
    flaky.mend();
    flaky.fail("counts");
    expect((await queue.health()).reasons).toMatchObject([{ kind: "engine", status: "critical" }]);
  });

  it("notice later that nobody serves a queue when the engine lists no workers", async () => {
    const { queue, clock } = setup({ without: ["workers"] });
    await queue.send(planCreate, plan());
    expect((await queue.health()).status).toBe("healthy");
    await clock.advance(6 * 60_000);
    expect((await queue.health()).reasons).toMatchObject([
      { kind: "unserved", status: "critical", remedy: "Start a worker that serves this queue." },
    ]);
  });

  it("turn critical when a message has waited for five minutes that the live workers don't handle", async () => {
    const { queue, clock, start } = setup();
    await start({ SCAN: () => {} }, { queues: ["plans", "default"] });
    await queue.send(planCreate, plan());
    const reason = { kind: "unhandled", queue: "plans", messageType: "PLAN_CREATE", version: 1 };
    expect((await queue.health()).reasons).toMatchObject([{ ...reason, status: "warning" }]);
    await clock.advance(5 * 60_000);
    expect((await queue.health()).reasons).toMatchObject([
      { ...reason, status: "critical", text: expect.stringContaining("doesn't handle PLAN_CREATE") },
    ]);
  });

  it("say that live workers start nothing when they handle what waits", async () => {
    const { queue, clock, flaky, start } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    flaky.hang("claim");
    await clock.advance(5_000);
    await queue.send(planCreate, plan());
    await clock.advance(6 * 60_000);
    expect((await queue.health()).reasons).toMatchObject([
      { kind: "unserved", status: "critical", remedy: expect.stringContaining("start nothing") },
    ]);
  });
});

describe("subscribe", () => {
  it("tells of what happens to jobs, filtered, until it is ended", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult(), SCAN: () => {} });
    const all: string[] = [];
    const scans: JobEvent[] = [];
    const stop = await queue.subscribe(({ type, messageType }) => void all.push(`${messageType} ${type}`));
    const stopScans = await queue.subscribe((event) => void scans.push(event), {
      messages: [scan],
      types: ["completed"],
    });
    const handle = await queue.send(scan, forward);
    await settle();
    await stopScans();
    await queue.send(planCreate, plan());
    await settle();
    expect(all).toEqual([
      "SCAN queued",
      "SCAN active",
      "SCAN completed",
      "PLAN_CREATE queued",
      "PLAN_CREATE active",
      "PLAN_CREATE completed",
    ]);
    expect(scans).toMatchObject([{ id: handle.id, type: "completed", at: expect.any(Date) }]);
    await stop();
    await queue.send(scan, forward);
    await settle();
    expect(all).toHaveLength(6);
  });
});

describe("middleware", () => {
  it("stands around sends, in order, and may add to the envelope", async () => {
    const { queue } = setup();
    const order: string[] = [];
    queue
      .use({
        async send(requests, next) {
          order.push("outer in");
          const handles = await next(requests.map((request) => ({ ...request, traceparent: "00-aa-bb-01" })));
          order.push(`outer out ${handles.length}`);
          return handles;
        },
      })
      .use({
        send: (requests, next) => {
          order.push(`inner ${requests[0]?.traceparent}`);
          return next(requests.map((request) => ({ ...request, userId: "u1", metadata: { tenant: 1 } })));
        },
      });
    const handle = await queue.send(planCreate, plan());
    expect(order).toEqual(["outer in", "inner 00-aa-bb-01", "outer out 1"]);
    expect(await queue.get(handle)).toMatchObject({
      traceparent: "00-aa-bb-01",
      userId: "u1",
      metadata: { tenant: 1 },
    });
  });

  it("sees a batch as a batch", async () => {
    const { queue } = setup();
    const seen: string[][] = [];
    queue.use({
      send: (requests, next) => {
        seen.push(requests.map(({ message }) => message.name));
        return next(requests);
      },
    });
    await queue.sendMany([
      { ref: "plan", message: planCreate, data: plan() },
      { message: phaseCreate, data: { planId: "p1", index: 0 }, options: { dependsOn: [{ ref: "plan" }] } },
    ]);
    expect(seen).toEqual([["PLAN_CREATE", "PHASE_CREATE"]]);
  });

  it("sees the errors of a send, and may refuse one", async () => {
    const { queue, flaky } = setup();
    const errors: string[] = [];
    queue.use({
      send: async (requests, next) => {
        if (requests[0]?.userId === "banned") throw new Error("no sends for you");
        return next(requests).catch((error) => {
          errors.push(error.code);
          throw error;
        });
      },
    });
    expect(await rejection(queue.send(planCreate, plan("")))).toMatchObject({ code: "INVALID_DATA" });
    expect(errors).toEqual(["INVALID_DATA"]);
    const refused = await rejection(queue.send(planCreate, plan(), { userId: "banned" }));
    expect(refused.message).toBe("no sends for you");
    expect(flaky.count("enqueue")).toBe(0);
  });

  it("stands around handlers, in order, and may change what comes of them", async () => {
    const { queue, start } = setup();
    const order: string[] = [];
    queue.use({
      run: async ({ job }, next) => {
        order.push(`in ${job.messageType} ${job.attempt}`);
        const result = await next();
        order.push("out");
        return result;
      },
    });
    queue.use({ run: async (_, next) => ({ ...((await next()) as object), planId: "changed" }) });
    await start({ PLAN_CREATE: () => planResult() });
    const handle = await queue.send(planCreate, plan());
    expect(await queue.wait(handle)).toMatchObject({ planId: "changed" });
    expect(order).toEqual(["in PLAN_CREATE 1", "out"]);
  });

  it("fails the attempt when it throws around a handler", async () => {
    const { queue, start } = setup();
    queue.use({ run: () => Promise.reject(new UnrecoverableError("not on my watch")) });
    await start({ SCAN: () => {} });
    const handle = await (queue as Queue<Message>).send(scan, forward);
    expect(await rejection(queue.wait(handle))).toMatchObject({ code: "JOB_FAILED" });
  });
});
