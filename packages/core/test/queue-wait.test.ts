import { describe, expect, it } from "vitest";
import { createQueue, createRegistry, memoryEngine, UnrecoverableError } from "../src/index.ts";
import { WAIT_POLL_INTERVAL } from "../src/queue/read/job-waits.ts";
import { alterEngine, FakeClock } from "../src/testing/index.ts";
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

describe("wait", () => {
  it("resolves with the decoded result when the job completes", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    await start({
      PLAN_CREATE: async ({ data }) => {
        await gate.wait();
        return planResult(data.planId);
      },
    });
    const handle = await queue.send(planCreate, plan());
    const [byHandle, byId] = [handle.wait(), queue.wait(handle.id)];
    await settle();
    gate.open();
    expect(await byHandle).toEqual(planResult());
    expect(await byId).toEqual(planResult());
  });

  it("answers for what has ended already", async () => {
    const { queue, start, settle } = setup();
    await start({ PLAN_CREATE: () => planResult() });
    const handle = await queue.send(planCreate, plan());
    await settle();
    expect(await queue.wait(handle)).toEqual(planResult());
  });

  it("rejects with JOB_FAILED and the job's error as cause", async () => {
    const { queue, start } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("the coach is gone");
      },
    });
    const handle = await queue.send(planCreate, plan());
    const error = await rejection(queue.wait(handle));
    expect(error).toMatchObject({
      code: "JOB_FAILED",
      message: expect.stringContaining("the coach is gone"),
      cause: { code: "UNRECOVERABLE", message: "the coach is gone" },
    });
  });

  it("rejects with JOB_CANCELLED and the reason", async () => {
    const { queue } = setup();
    const handle = await queue.send(planCreate, plan());
    const waiting = rejection(queue.wait(handle));
    await queue.cancel(handle, { reason: "not needed" });
    expect(await waiting).toMatchObject({ code: "JOB_CANCELLED", cause: { message: "not needed" } });
  });

  it("rejects with WAIT_TIMEOUT when its time is over, and leaves the job alone", async () => {
    const { queue, clock, settle } = setup();
    const handle = await queue.send(planCreate, plan());
    const waiting = rejection(queue.wait(handle, { timeout: "10s" }));
    await settle();
    await clock.advance(10_000);
    expect(await waiting).toMatchObject({ code: "WAIT_TIMEOUT", retryable: true });
    expect((await queue.get(handle))?.state).toBe("queued");
  });

  it("rejects with the signal's reason", async () => {
    const { queue } = setup();
    const handle = await queue.send(planCreate, plan());
    const controller = new AbortController();
    const waiting = rejection(queue.wait(handle, { signal: controller.signal }));
    controller.abort(new Error("the page was left"));
    expect((await waiting).message).toBe("the page was left");
    const late = rejection(queue.wait(handle, { signal: controller.signal }));
    expect((await late).message).toBe("the page was left");
  });

  it("rejects with JOB_NOT_FOUND for an unknown job, and INVALID_OPTIONS for no id at all", async () => {
    const { queue } = setup();
    expect(await rejection(queue.wait("nobody"))).toMatchObject({ code: "JOB_NOT_FOUND" });
    expect(await rejection(queue.wait("no id"))).toMatchObject({ code: "INVALID_OPTIONS" });
    expect(await rejection(queue.wait(undefined as never))).toMatchObject({ code: "INVALID_OPTIONS" });
    expect(await rejection(queue.wait("a", { timout: 1 } as never))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
  });

  it("subscribes to the endings of its jobs, once for each, and ends that when nobody waits", async () => {
    const filters: unknown[] = [];
    let subscriptions = 0;
    const { flaky, queue, settle, clock } = setup();
    const { engine } = flaky;
    const counting = setup({
      subscribe: async (subscriber) => {
        const { types, jobs, detail } = subscriber;
        filters.push({ types, jobs, detail });
        subscriptions++;
        const end = await engine.events.subscribe(subscriber);
        return async () => {
          subscriptions--;
          await end();
        };
      },
    });
    const handles = await Promise.all([1, 2, 3].map((n) => counting.queue.send(planCreate, plan(`p${n}`))));
    const waits = [...handles, handles[0]!].map((handle) =>
      rejection(counting.queue.wait(handle, { timeout: "1s" })),
    );
    await counting.settle();
    const types = ["completed", "failed", "cancelled"];
    expect(filters).toEqual(handles.map(({ id, queue }) => ({ types, jobs: [{ id, queue }], detail: true })));
    expect(subscriptions).toBe(3);
    await counting.clock.advance(1_000);
    await Promise.all(waits);
    await settle();
    expect(subscriptions).toBe(0);
    expect(counting.clock.nextTimer).toBeUndefined();
    expect(clock.nextTimer).toBeUndefined();
    await queue.close();
  });

  it("finds an ending that no event told of, by its poll", async () => {
    const { queue, clock, settle } = setup({ subscribe: async () => async () => {} });
    const handle = await queue.send(planCreate, plan());
    const waiting = rejection(queue.wait(handle));
    await settle();
    await queue.cancel(handle);
    await clock.advance(WAIT_POLL_INTERVAL);
    expect(await waiting).toMatchObject({ code: "JOB_CANCELLED" });
  });

  it("tries again soon after a call that failed, less often the longer the engine is away", async () => {
    const { queue, flaky, clock, settle } = setup();
    const handle = await queue.send(planCreate, plan());
    flaky.fail("subscribe", "get");
    const waiting = rejection(queue.wait(handle));
    await settle();
    await clock.advance(60_000);
    expect(flaky.count("subscribe")).toBeGreaterThan(10);
    expect(flaky.count("subscribe")).toBeLessThan(60);
    flaky.mend();
    await clock.advance(WAIT_POLL_INTERVAL);
    const looks = flaky.count("get");
    await clock.advance(WAIT_POLL_INTERVAL);
    expect(flaky.count("get")).toBe(looks + 1);
    await queue.cancel(handle);
    expect(await waiting).toMatchObject({ code: "JOB_CANCELLED" });
    expect(clock.nextTimer).toBeUndefined();
  });

  it("outlasts an engine that is away", async () => {
    const { queue, flaky, clock, settle } = setup();
    const handle = await queue.send(planCreate, plan());
    flaky.fail("subscribe", "get");
    const waiting = rejection(queue.wait(handle));
    await settle();
    await clock.advance(2 * WAIT_POLL_INTERVAL);
    flaky.mend();
    await queue.cancel(handle);
    await clock.advance(WAIT_POLL_INTERVAL);
    expect(await waiting).toMatchObject({ code: "JOB_CANCELLED" });
  });

  it("without events finds endings by its poll, and when its time is over", async () => {
    const clock = new FakeClock();
    const engine = alterEngine(memoryEngine({ clock }), { events: null });
    const queue = createQueue({ registry: createRegistry([scan]), engine, clock });
    const [ended, polled, late] = [
      await queue.send(scan, forward),
      await queue.send(scan, forward),
      await queue.send(scan, forward),
    ];
    await queue.cancel(ended);
    expect(await rejection(queue.wait(ended))).toMatchObject({ code: "JOB_CANCELLED" });
    const waits = [rejection(queue.wait(polled)), rejection(queue.wait(late, { timeout: 1_500 }))];
    await clock.advance(0);
    await queue.cancel(polled);
    await clock.advance(1_000);
    expect(await waits[0]).toMatchObject({ code: "JOB_CANCELLED" });
    await queue.cancel(late);
    await clock.advance(500);
    expect(await waits[1]).toMatchObject({ code: "JOB_CANCELLED" });
    await queue.close();
  });

  it("says of a removed job what may have happened", async () => {
    const { queue } = setup();
    const handle = await queue.send(scan, forward);
    await queue.remove(handle);
    const error = await rejection(queue.wait(handle));
    expect(error).toMatchObject({ code: "JOB_CANCELLED" });
    expect(error.message).toBe(
      `The job ${handle.id} was cancelled, or removed before it ended. It is no longer stored: its retention was over, or ` +
        "`remove`, `clean`, `drain` or `obliterate` removed it. Retention is its message's `retain.failed`.",
    );
    expect((await queue.explain(handle)).summary).toContain("or `remove`, `clean`, `drain`");
    expect((await rejection(queue.retry(handle))).message).toContain(
      "can't be retried: it was cancelled, or removed",
    );
  });

  it("rejects with CLOSED when the queue closes", async () => {
    const { queue, settle } = setup();
    const handle = await queue.send(planCreate, plan());
    const waiting = rejection(queue.wait(handle));
    await settle();
    await queue.close();
    expect(await waiting).toMatchObject({ code: "CLOSED" });
  });

  it("waits on through a retry by an operator", async () => {
    const { queue, start } = setup();
    let isBroken = true;
    await start({
      SCAN: () => {
        if (isBroken) throw new Error("down");
      },
    });
    const handle = await queue.send(scan, forward);
    expect(await rejection(queue.wait(handle))).toMatchObject({ code: "JOB_FAILED" });
    isBroken = false;
    await queue.retry(handle);
    expect(await queue.wait(handle)).toBeUndefined();
  });

  it("answers for every one of many quick jobs, most of which retention has removed", async () => {
    const { queue, start, settle } = setup();
    await start({ SCAN: () => {}, PLAN_CREATE: () => planResult() });
    const scans = await Promise.all(Array.from({ length: 4_000 }, () => queue.send(scan, forward)));
    const plans = await Promise.all(Array.from({ length: 1_001 }, () => queue.send(planCreate, plan())));
    await plans.at(-1)!.wait();
    await settle();
    expect(await queue.get(scans[0]!)).toBeNull();
    expect(await Promise.all(scans.map((handle) => handle.wait()))).toEqual(scans.map(() => undefined));
    expect(await rejection(plans[0]!.wait())).toMatchObject({ code: "RESULT_NOT_KEPT" });
    expect(await plans[1]!.wait()).toEqual(planResult());
  });

  it("of a job without a result resolves with undefined", async () => {
    const { queue, start } = setup();
    await start({ PHASE_CREATE: () => {} });
    const handle = await queue.send(phaseCreate, { planId: "p1", index: 0 });
    expect(await queue.wait(handle)).toBeUndefined();
  });
});
