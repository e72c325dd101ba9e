import { describe, expect, it } from "vitest";
import { type HandlerContext, UnrecoverableError } from "../src/index.ts";
import {
  forward,
  phaseCreate,
  plan,
  planCreate,
  planResult,
  rejection,
  scan,
  setup,
} from "./runtime-support.ts";

/** Runs one PHASE_CREATE after the given jobs and answers what `look` saw. */
async function lookInside<T>(
  it: ReturnType<typeof setup>,
  dependsOn: Parameters<typeof it.queue.send>[2] & object,
  look: (context: HandlerContext<typeof phaseCreate>) => Promise<T> | T,
): Promise<T> {
  let seen: { value: T } | undefined;
  await it.start({
    PHASE_CREATE: async (context) => {
      seen = { value: await look(context) };
    },
  });
  await it.queue.send(phaseCreate, { planId: "p1", index: 0 }, dependsOn);
  await it.settle();
  if (!seen) throw new Error("It didn't run.");
  return seen.value;
}

describe("a handler's context", () => {
  it("tells of the job and its envelope", async () => {
    const it = setup();
    const now = new Date(it.clock.now());
    const options = { id: "job-1", userId: "u1", metadata: { tenant: 7 } };
    const { job, data, fence } = await lookInside(it, options, (context) => ({
      job: context.job,
      data: context.data,
      fence: context.fence,
    }));
    expect(data).toEqual({ planId: "p1", index: 0 });
    expect(fence).toBe(1);
    expect(job).toEqual({
      id: "job-1",
      messageType: "PHASE_CREATE",
      version: 1,
      queue: "phases",
      attempt: 1,
      maxAttempts: 2,
      stalls: 0,
      userId: "u1",
      metadata: { tenant: 7 },
      orderingKey: "p1",
      sentAt: now,
      createdAt: now,
    });
  });

  it("has a fence that grows with every claim", async () => {
    const { queue, start, clock } = setup();
    const fences: number[] = [];
    await start({
      PLAN_CREATE: ({ fence }) => {
        fences.push(fence);
        throw new Error("again");
      },
    });
    await queue.send(planCreate, plan());
    await clock.advance(60_000);
    expect(fences).toEqual([1, 2, 3]);
  });

  it("has one signal, however often it is asked for, that doesn't fire by itself", async () => {
    const it = setup();
    const [one, two] = await lookInside(it, {}, ({ signal }) => [signal, signal]);
    expect(one).toBe(two);
    expect(one.aborted).toBe(false);
  });
});

describe("the results of dependencies", () => {
  it("come decoded, typed by message", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: ({ data }) => planResult(data.planId) });
    const created = await it.queue.send(planCreate, plan());
    const { result, list } = await lookInside(it, { dependsOn: [created] }, async ({ dependencies }) => ({
      result: await dependencies.resultOf(planCreate),
      list: await dependencies.list(),
    }));
    expect(result).toEqual(planResult());
    expect(result.savedAt).toBeInstanceOf(Date);
    expect(list).toEqual([
      { id: created.id, messageType: "PLAN_CREATE", state: "completed", result: planResult() },
    ]);
  });

  it("are read once, and only when asked for", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: () => planResult() });
    const created = await it.queue.send(planCreate, plan());
    await lookInside(it, { dependsOn: [created] }, async ({ dependencies }) => {
      expect(it.flaky.count("get")).toBe(0);
      await Promise.all([dependencies.list(), dependencies.list(), dependencies.resultOf(planCreate)]);
      expect(it.flaky.count("get")).toBe(1);
    });
  });

  it("include the error of one that failed, which resultOf throws", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: () => Promise.reject(new UnrecoverableError("no coach")) });
    const created = await it.queue.send(planCreate, plan());
    const dependsOn = [{ job: created, onFailure: "run" }] as const;
    const { list, error } = await lookInside(it, { dependsOn }, async ({ dependencies }) => ({
      list: await dependencies.list(),
      error: await rejection(dependencies.resultOf(planCreate)),
    }));
    expect(list).toMatchObject([{ state: "failed", error: { code: "UNRECOVERABLE", message: "no coach" } }]);
    expect(error).toMatchObject({ code: "JOB_FAILED", cause: { message: "no coach" } });
  });

  it("still tell how a job ended that retention has removed", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: () => planResult() });
    const created = await it.queue.send(planCreate, plan());
    await it.settle();
    await it.queue.remove(created);
    const { list, error } = await lookInside(it, { dependsOn: [created] }, async ({ dependencies }) => ({
      list: await dependencies.list(),
      error: await rejection(dependencies.resultOf(planCreate)),
    }));
    expect(list).toEqual([{ id: created.id, messageType: "PLAN_CREATE", state: "completed" }]);
    expect(error).toMatchObject({ code: "RESULT_NOT_KEPT" });
  });

  it("need to be told apart when there are several, or none", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: () => planResult() });
    const dependsOn = await Promise.all([1, 2].map((n) => it.queue.send(planCreate, plan(`p${n}`))));
    const [several, none] = await lookInside(it, { dependsOn }, async ({ dependencies }) => [
      await rejection(dependencies.resultOf(planCreate)),
      await rejection(dependencies.resultOf(scan)),
    ]);
    expect(several).toMatchObject({
      code: "INVALID_STATE",
      message: expect.stringContaining("2 dependencies"),
    });
    expect(none).toMatchObject({ code: "JOB_NOT_FOUND" });
  });

  it("can be asked for again after the engine was away", async () => {
    const it = setup();
    await it.start({ PLAN_CREATE: () => planResult() });
    const created = await it.queue.send(planCreate, plan());
    const result = await lookInside(it, { dependsOn: [created] }, async ({ dependencies }) => {
      it.flaky.fail("get");
      await rejection(dependencies.list());
      it.flaky.mend();
      return dependencies.resultOf(planCreate);
    });
    expect(result).toEqual(planResult());
  });

  it("are none for a job that depends on nothing", async () => {
    const it = setup();
    expect(await lookInside(it, {}, ({ dependencies }) => dependencies.list())).toEqual([]);
    expect(await it.queue.send(scan, forward)).toBeDefined();
  });
});

describe("with", () => {
  it("adds the app's own members, getters and all, to a context that works", async () => {
    const it = setup();
    const seen = await lookInside(it, {}, (context) => {
      const own = context.with({
        db: "app",
        get half() {
          return this.db.slice(0, 2);
        },
      });
      own.log("a line");
      return {
        ...own.data,
        db: own.db,
        half: own.half,
        job: own.job.id === context.job.id,
        signal: own.signal.aborted,
      };
    });
    expect(seen).toMatchObject({ db: "app", half: "ap", job: true, signal: false });
  });
});
