import { describe, expect, it } from "vitest";
import type { JobKey, NewJob } from "../src/engine/index.ts";
import { createQueue, type Outbox, type SendRequest, type ServiceHost } from "../src/index.ts";
import { WAIT_POLL_INTERVAL } from "../src/queue/read/job-waits.ts";
import { phaseCreate, plan, planCreate, planResult, registry, rejection, setup } from "./runtime-support.ts";

/** A transaction of the outbox below: what was added to it, moved to the engine by `commit`. */
class Transaction {
  readonly jobs: NewJob[] = [];
}

/** The smallest outbox there can be: transactions are arrays, and a commit is told to the relay. */
class ArrayOutbox implements Outbox {
  readonly calls: (readonly NewJob[])[] = [];
  #move: (jobs: readonly NewJob[]) => Promise<unknown> = async () => {};
  failure: Error | undefined;

  async add(tx: unknown, jobs: readonly NewJob[]): Promise<void> {
    if (this.failure) throw this.failure;
    this.calls.push(jobs);
    (tx as Transaction).jobs.push(...jobs);
  }

  async start({ engine }: ServiceHost) {
    this.#move = (jobs) => engine.core.enqueue(jobs.map((job) => ({ jobs: [job] })));
    return { stop: async () => {} };
  }

  commit({ jobs }: Transaction): Promise<unknown> {
    return this.#move(jobs);
  }
}

const withOutbox = () => {
  const outbox = new ArrayOutbox();
  return { outbox, tx: new Transaction(), ...setup({}, { outbox }) };
};

const ids = (jobs: readonly NewJob[]) => jobs.map(({ envelope }) => envelope.id);

describe("a send in a transaction", () => {
  it("is stored by the outbox as it would have been by the engine, and not by the engine", async () => {
    const { queue, outbox, tx, flaky, clock } = withOutbox();
    const options = {
      id: "job-1",
      userId: "u1",
      metadata: { tenant: 1 },
      priority: 3,
      delay: "1m",
      tx,
    } as const;
    const handle = await queue.send(planCreate, plan(), options);
    expect(handle).toMatchObject({ id: "job-1", created: true, messageType: "PLAN_CREATE", queue: "plans" });
    expect(outbox.calls).toHaveLength(1);
    expect(tx.jobs).toMatchObject([
      {
        envelope: {
          id: "job-1",
          messageType: "PLAN_CREATE",
          timestamp: new Date(clock.now()).toISOString(),
          data: '{"planId":"p1"}',
          userId: "u1",
          metadata: '{"tenant":1}',
        },
        queue: "plans",
        priority: 3,
        delay: 60_000,
      },
    ]);
    expect(flaky.count("enqueue")).toBe(0);
  });

  it("is counted in the backlog, of an outbox that can tell", async () => {
    const { queue, outbox } = withOutbox();
    expect(await queue.outboxBacklog()).toBeNull();
    expect(await setup().queue.outboxBacklog()).toBeNull();
    const counting = Object.assign(outbox, { backlog: async () => ({ jobs: 3, oldest: 1_500 }) });
    expect(await setup({}, { outbox: counting }).queue.outboxBacklog()).toEqual({ jobs: 3, oldest: 1_500 });
  });

  it("can be waited for, also before it is committed", async () => {
    const { queue, outbox, tx, start, settle, clock } = withOutbox();
    await start({ PLAN_CREATE: () => planResult() });
    const handle = await queue.send(planCreate, plan(), { tx });
    const result = handle.wait();
    await clock.advance(20_000);
    await outbox.commit(tx);
    await settle();
    expect(await result).toEqual(planResult());
  });

  it("that never commits isn't waited for longer than a minute, or the wait's own timeout", async () => {
    const { queue, tx, clock } = withOutbox();
    const handle = await queue.send(planCreate, plan(), { tx });
    const long = rejection(handle.wait());
    const short = rejection(handle.wait({ timeout: "1s" }));
    await clock.advance(1_000);
    expect(await short).toMatchObject({ code: "WAIT_TIMEOUT" });
    await clock.advance(60_000);
    expect(await long).toMatchObject({ code: "JOB_NOT_FOUND" });
  });

  it("isn't waited for once it was seen in the engine, and is gone and forgotten", async () => {
    const outbox = new ArrayOutbox();
    const tx = new Transaction();
    const forgetful = {
      subscribe: async () => async () => {},
      remembered: async (jobs: readonly JobKey[]) => jobs.map(() => null),
    };
    const { queue, clock, flaky } = setup(forgetful, { outbox });
    await outbox.start({ engine: flaky.engine } as ServiceHost);
    const job = await queue.send(planCreate, plan(), { tx });
    const waiting = rejection(job.wait());
    await outbox.commit(tx);
    await clock.advance(WAIT_POLL_INTERVAL);
    await queue.remove(job);
    await clock.advance(WAIT_POLL_INTERVAL);
    expect(await Promise.race([waiting, clock.advance(0)])).toMatchObject({
      code: "JOB_NOT_FOUND",
      message: expect.stringMatching(/^No job with the id/),
    });
    await queue.close();
  });

  it("is refused with INVALID_DATA before anything is added", async () => {
    const { queue, tx } = withOutbox();
    expect(await rejection(queue.send(planCreate, plan(""), { tx }))).toMatchObject({ code: "INVALID_DATA" });
    expect(tx.jobs).toEqual([]);
  });

  it("rejects with the outbox's own error", async () => {
    const { queue, tx, outbox } = withOutbox();
    outbox.failure = new Error("current transaction is aborted");
    expect(await rejection(queue.send(planCreate, plan(), { tx }))).toBe(outbox.failure);
  });

  it("is refused without an outbox, saying what to do", async () => {
    const { queue } = setup();
    expect(await rejection(queue.send(planCreate, plan(), { tx: {} }))).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("pass `outbox: postgresOutbox({ db })` to createQueue"),
    });
  });

  it("is refused with `dedupe`, saying what to do", async () => {
    const { queue, tx } = withOutbox();
    const dedupe = { key: "p1", window: "1m" } as const;
    const refused = {
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("Give the job an id instead"),
    };
    expect(await rejection(queue.send(planCreate, plan(), { tx, dedupe }))).toMatchObject(refused);
    const items = [{ message: planCreate, data: plan(), options: { dedupe } }] as const;
    expect(await rejection(queue.sendMany(items, { tx }))).toMatchObject(refused);
    expect(tx.jobs).toEqual([]);
  });

  it("takes an object as the transaction", async () => {
    const { queue } = withOutbox();
    for (const tx of [null, "tx", 7]) {
      const problem = {
        code: "INVALID_OPTIONS",
        message: expect.stringContaining("tx: expected a database transaction"),
      };
      expect(await rejection(queue.send(planCreate, plan(), { tx }))).toMatchObject(problem);
      expect(await rejection(queue.sendMany([], { tx }))).toMatchObject(problem);
    }
  });
});

describe("a sendMany in a transaction", () => {
  it("is one call, in which what others depend on comes first and all else keeps its place", async () => {
    const { queue, outbox, tx } = withOutbox();
    const after = (...refs: string[]) => ({ dependsOn: refs.map((ref) => ({ ref })) });
    const handles = await queue.sendMany(
      [
        { ref: "a", message: planCreate, data: plan(), options: { id: "a", ...after("d", "c") } },
        { ref: "b", message: planCreate, data: plan(), options: { id: "b" } },
        { ref: "c", message: planCreate, data: plan(), options: { id: "c", ...after("e") } },
        { ref: "d", message: planCreate, data: plan(), options: { id: "d" } },
        { ref: "e", message: planCreate, data: plan(), options: { id: "e" } },
      ],
      { tx },
    );
    expect(outbox.calls.map(ids)).toEqual([["d", "e", "c", "a", "b"]]);
    expect(handles.map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e"]);
    expect(handles.every(({ created }) => created)).toBe(true);
  });

  it("keeps the order of an ordering key, dependencies or not", async () => {
    const { queue, outbox, tx } = withOutbox();
    await queue.sendMany(
      [
        { message: phaseCreate, data: { planId: "p1", index: 0 }, options: { id: "one" } },
        {
          message: phaseCreate,
          data: { planId: "p1", index: 1 },
          options: { id: "two", dependsOn: [{ ref: "plan" }] },
        },
        { message: phaseCreate, data: { planId: "p1", index: 2 }, options: { id: "three" } },
        { ref: "plan", message: planCreate, data: plan(), options: { id: "plan" } },
      ],
      { tx },
    );
    expect(outbox.calls.map(ids)).toEqual([["one", "plan", "two", "three"]]);
  });

  it("refuses a cycle, also through an ordering key, by its refs", async () => {
    const { queue, tx } = withOutbox();
    const error = await rejection(
      queue.sendMany(
        [
          {
            ref: "first",
            message: phaseCreate,
            data: { planId: "p1", index: 0 },
            options: { dependsOn: [{ ref: "second" }] },
          },
          { ref: "second", message: phaseCreate, data: { planId: "p1", index: 0 } },
        ],
        { tx },
      ),
    );
    expect(error).toMatchObject({
      code: "DEPENDENCY_CYCLE",
      message: expect.stringContaining("first → second → first"),
    });
    expect(tx.jobs).toEqual([]);
  });

  it("stores a repeated id once", async () => {
    const { queue, tx } = withOutbox();
    const item = { message: planCreate, data: plan(), options: { id: "same" } };
    const handles = await queue.sendMany([item, item], { tx });
    expect(handles.map(({ id, created }) => [id, created])).toEqual([
      ["same", true],
      ["same", false],
    ]);
    expect(ids(tx.jobs)).toEqual(["same"]);
  });

  it("takes the transaction for the whole call, not for an item", async () => {
    const { queue, tx } = withOutbox();
    const items = [{ message: planCreate, data: plan(), options: { tx } }] as never;
    expect(await rejection(queue.sendMany(items))).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining('unknown option "tx"'),
    });
  });
});

describe("a send middleware", () => {
  it("sees the transaction and when the send was called", async () => {
    const { queue, tx, clock } = withOutbox();
    const seen: (readonly SendRequest[])[] = [];
    queue.use({
      send: (requests, next) => {
        seen.push(requests);
        return next(requests);
      },
    });
    const sentAt = clock.now();
    await queue.send(planCreate, plan(), { tx });
    await clock.advance(5);
    await queue.sendMany([{ message: planCreate, data: plan() }], { tx });
    await queue.sendMany([{ message: planCreate, data: plan() }]);
    expect(seen.flat().map((request) => [request.tx, request.sentAt - sentAt])).toEqual([
      [tx, 0],
      [tx, 5],
      [undefined, 5],
    ]);
    expect("tx" in seen[2]![0]!).toBe(false);
  });

  it("may choose the transaction itself, one for all of a call", async () => {
    const { queue, tx } = withOutbox();
    queue.use({
      send: (requests, next) =>
        next(requests.map((request, index) => ({ ...request, tx: index < 2 ? tx : new Transaction() }))),
    });
    const item = { message: planCreate, data: plan() } as const;
    await queue.sendMany([item, item]);
    expect(tx.jobs).toHaveLength(2);
    expect(await rejection(queue.sendMany([item, item, item]))).toMatchObject({ code: "INVALID_OPTIONS" });
    expect(tx.jobs).toHaveLength(2);
  });

  it("decides the envelope's timestamp by `sentAt`, and is told when it lost it", async () => {
    const { queue } = setup();
    let sentAt: number | undefined = Date.UTC(2026, 5, 1);
    queue.use({
      send: (requests, next) => next(requests.map((each) => ({ ...each, sentAt: sentAt as number }))),
    });
    const handle = await queue.send(planCreate, plan());
    expect((await queue.get(handle))?.sentAt).toEqual(new Date("2026-06-01T00:00:00Z"));
    sentAt = undefined;
    expect(await rejection(queue.send(planCreate, plan()))).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("must pass on `sentAt`"),
    });
  });
});

describe("createQueue", () => {
  it("refuses what isn't an outbox", () => {
    expect(() => createQueue({ registry, outbox: { add: true } as never })).toThrow(
      "outbox: expected an outbox: add() and start()",
    );
  });
});
