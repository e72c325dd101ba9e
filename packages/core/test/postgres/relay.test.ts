import { sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import type { EnqueueBatch, EnqueueOutcome } from "../../src/engine/index.ts";
import { createWorker, type Engine } from "../../src/index.ts";
import type { OutboxProblem } from "../../src/postgres/index.ts";
import { alterEngine } from "../../src/testing/index.ts";
import { phaseCreate, plan, planCreate } from "../runtime-support.ts";
import { openTransaction, sending } from "./outbox-support.ts";
import { drivers, serverDrivers } from "./support.ts";

const until: typeof vi.waitFor = (look, options) =>
  vi.waitFor(look, { timeout: 5_000, interval: 5, ...(options as object) });

/** Rejects one job every time, like an engine that can't store it. */
function refusing(inner: Engine, id: string): Engine {
  const enqueue = (batches: readonly EnqueueBatch[]) => {
    if (batches.some(({ jobs }) => jobs.some(({ envelope }) => envelope.id === id)))
      throw new TypeError("can't store it");
    return inner.core.enqueue(batches);
  };
  return alterEngine(inner, { core: { enqueue: async (batches: never) => enqueue(batches) } });
}

describe.each(drivers)("the relay on $name", ({ open }) => {
  test("without a listener it finds jobs by polling", async () => {
    const { db } = await open({ migrate: true });
    const { queue, relay, arrived } = sending({ db, listener: undefined as never }, { pollInterval: "20ms" });
    await relay();
    for (const id of ["a", "b", "c"]) {
      await db.transaction((tx) => queue.send(planCreate, plan(), { id, tx }));
      await until(() => expect(arrived().at(-1)).toBe(id));
    }
  });

  test("a dependency may be in the outbox too, or arrive after its dependent", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    const { db } = database;
    await db.transaction((tx) => queue.send(planCreate, plan(), { id: "first", tx }));
    await db.transaction((tx) => queue.send(planCreate, plan(), { id: "second", dependsOn: ["first"], tx }));
    await db.transaction((tx) => queue.send(planCreate, plan(), { id: "early", dependsOn: ["late"], tx }));
    await relay();
    await until(async () =>
      expect(await database.raw("select id, tries > 2 as tried from queue.queue_outbox")).toEqual([
        { id: "early", tried: true },
      ]),
    );
    await db.transaction((tx) => queue.send(planCreate, plan(), { id: "late", tx }));
    await until(async () => expect(await queue.get("early")).toMatchObject({ state: "blocked" }));
    expect(arrived()).toEqual(["first", "second", "early", "late"]);
  });

  test("only jobs with its ordering key wait for a refused job", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, flaky } = sending(database);
    const send = (id: string, planId: string, dependsOn: string[] = []) => ({
      message: phaseCreate,
      data: { planId, index: 0 },
      options: { id, dependsOn },
    });
    const items = [
      send("a1", "a"),
      send("a2", "a", ["missing"]),
      send("a3", "a"),
      send("b1", "b"),
      send("a4", "a", ["b1"]),
    ];
    await database.db.transaction((tx) => queue.sendMany(items, { tx }));
    await relay();
    await until(async () =>
      expect(
        await database.raw("select id, tries > 3 as tried from queue.queue_outbox order by position"),
      ).toEqual([
        { id: "a2", tried: true },
        { id: "a3", tried: false },
        { id: "a4", tried: false },
      ]),
    );
    await database.db.transaction((tx) =>
      queue.sendMany([send("a5", "a"), { message: planCreate, data: plan(), options: { id: "other" } }], {
        tx,
      }),
    );
    await until(async () => expect(await queue.get("other")).not.toBeNull());
    expect(await queue.get("a5")).toBeNull();
    await flaky.engine.core.enqueue([
      {
        jobs: [
          {
            ...(await jobOf(database)),
            envelope: { ...(await jobOf(database)).envelope, id: "missing" },
            dependsOn: [],
          },
        ],
      },
    ]);
    await until(async () => expect(await database.raw("select id from queue.queue_outbox")).toEqual([]));
    const { jobs } = await queue.list({ queue: "phases" });
    expect(
      jobs
        .map(({ id }) => id)
        .reverse()
        .filter((id) => id.startsWith("a")),
    ).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  });

  test("a job that the engine can't store holds back only its ordering key, and is reported", async () => {
    const database = await open({ migrate: true });
    const problems: OutboxProblem[] = [];
    const { queue, relay, flaky, logger } = sending(database, {
      onProblem: (problem) => {
        problems.push(problem);
        return Promise.reject(new Error("down")) as never;
      },
    });
    await database.db.transaction(async (tx) => {
      for (const [index, id] of ["a", "poison", "b", "c"].entries()) {
        await queue.send(phaseCreate, { planId: index === 3 ? "other" : "p1", index }, { id, tx });
      }
    });
    await database.raw("update queue.queue_outbox set tries = 7 where id = 'poison'");
    await database.raw(`insert into queue.queue_outbox (id, job, tries) values ('torn', '{"envelope"', 7)`);
    await relay(refusing(flaky.engine, "poison"));
    await until(() => expect(problems).toHaveLength(2));
    expect(problems).toEqual([
      expect.objectContaining({
        jobId: "torn",
        messageType: undefined,
        error: "The row isn't a valid job.",
        tries: 8,
      }),
      expect.objectContaining({
        jobId: "poison",
        messageType: "PHASE_CREATE",
        queue: "phases",
        error: "can't store it",
        tries: 8,
        sentAt: expect.any(Date),
      }),
    ]);
    expect(logger.lines).toHaveLength(3);
    expect(logger.lines).toContain(
      "error: onProblem of the outbox threw or rejected. This is logged once, and the function is still called.",
    );
    expect(logger.lines.find((line) => line.includes("poison"))).toMatch(
      /^error: The job poison \(PHASE_CREATE\) has been stuck in the outbox since .* after 8 tries: can't store it The relay keeps/,
    );
    expect(await database.raw("select id from queue.queue_outbox order by position")).toEqual([
      { id: "poison" },
      { id: "b" },
      { id: "torn" },
    ]);
    expect((await queue.get("c"))?.state).toBe("queued");
  });

  test("an outage of the engine loses nothing, and its start and end are logged once", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, flaky, logger, arrived } = sending(database);
    flaky.fail("enqueue");
    await relay();
    for (const id of ["a", "b"])
      await database.db.transaction((tx) => queue.send(planCreate, plan(), { id, tx }));
    await until(() => expect(flaky.count("enqueue")).toBeGreaterThan(2));
    expect(logger.lines).toEqual([expect.stringMatching(/^error: The relay can't move/)]);
    flaky.mend();
    await until(async () => expect(await queue.get("b")).not.toBeNull());
    expect(arrived()).toEqual(["a", "b"]);
    await until(() =>
      expect(logger.lines).toEqual([expect.any(String), expect.stringMatching(/^warn: The relay can move/)]),
    );
  });

  test("stop waits for the turn to end, and nothing is moved after it", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, flaky } = sending(database);
    flaky.hang("enqueue");
    const running = await relay();
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { id: "a", tx }));
    await until(() => expect(flaky.count("enqueue")).toBe(1));
    const stopped = running.stop();
    flaky.mend();
    await stopped;
    expect(await database.raw("select id from queue.queue_outbox")).toEqual([]);
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { id: "b", tx }));
    expect(await database.raw("select id from queue.queue_outbox")).toEqual([{ id: "b" }]);
    expect(flaky.count("enqueue")).toBe(1);
  });

  test("a delay counts from the send", async () => {
    const database = await open({ migrate: true });
    const { queue, relay } = sending(database);
    await database.db.transaction(async (tx) => {
      await queue.send(planCreate, plan(), { id: "hour", delay: "1h", tx });
      await queue.send(planCreate, plan(), { id: "minute", delay: "1m", tx });
    });
    await database.raw("update queue.queue_outbox set created_at = created_at - interval '10 minutes'");
    await relay();
    await until(async () => expect(await queue.get("minute")).toMatchObject({ state: "queued" }));
    const { runAt } = (await queue.get("hour"))!;
    expect(runAt!.getTime() - Date.now()).toBeGreaterThan(49 * 60_000);
    expect(runAt!.getTime() - Date.now()).toBeLessThanOrEqual(50 * 60_000);
  });

  test("a closed engine stops it, and it logs why", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, flaky, logger } = sending(database);
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { tx }));
    await flaky.engine.core.close();
    await relay();
    await until(() =>
      expect(logger.lines).toEqual([
        expect.stringMatching(/^error: The engine was closed, so the relay stops/),
      ]),
    );
    expect(await database.raw("select count(*)::int as count from queue.queue_outbox")).toEqual([
      { count: 1 },
    ]);
  });

  test("workers run it, unless configured not to", async () => {
    const database = await open({ migrate: true });
    const { queue, logger } = sending(database);
    const ran: string[] = [];
    const handler = async ({ job }: { job: { id: string } }) => void ran.push(job.id);
    const start = async (relay: boolean) => {
      const worker = createWorker(queue, { relay, logger }).handle(phaseCreate, handler);
      await worker.start();
      return worker;
    };
    const without = await start(false);
    await database.db.transaction((tx) =>
      queue.send(phaseCreate, { planId: "p", index: 0 }, { id: "a", tx }),
    );
    await without.idle();
    await without.stop();
    expect(await database.raw("select id from queue.queue_outbox")).toEqual([{ id: "a" }]);
    const worker = await start(true);
    await until(() => expect(ran).toEqual(["a"]));
    await worker.stop();
    expect(logger.lines).toEqual([]);
  });
});

describe.each(serverDrivers)("several relays on $name", ({ open }) => {
  test("keep the order of each key and move each job once", async () => {
    const database = await open({ migrate: true, max: 16 });
    const { queue, relay, arrived, flaky } = sending(database, { batch: 7 });
    const MISSING: EnqueueOutcome = { ok: false, reason: "dependency-not-found", missing: ["somebody"] };
    const mayRefuse = ({ jobs }: EnqueueBatch) => jobs[0]!.dependsOn.length > 0 && Math.random() < 0.3;
    const engine = alterEngine(flaky.engine, {
      core: {
        async enqueue(batches) {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
          const refused = batches.map(mayRefuse);
          const outcomes = await flaky.engine.core.enqueue(batches.filter((_, index) => !refused[index]));
          let next = 0;
          return refused.map((isRefused) => (isRefused ? MISSING : outcomes[next++]!));
        },
      },
    });
    const relays = await Promise.all(Array.from({ length: 4 }, () => relay(engine)));
    const keys = Array.from({ length: 12 }, (_, key) => `k${key}`);
    // One producer per key, so that a key's transactions don't overlap. Some send two jobs.
    const sends = keys.map(async (planId, key) => {
      for (let index = 0; index < 40; index += 2) {
        const item = (at: number) => ({
          message: phaseCreate,
          data: { planId, index: at },
          // Jobs with dependencies may be refused, as far as the relay knows.
          options: { id: `${planId}-${at}`, dependsOn: at % 5 === 4 ? [`${planId}-${at - 1}`] : [] },
        });
        await database.db.transaction((tx) => queue.sendMany([item(index), item(index + 1)], { tx }));
      }
      if (key === 0) await relays[0]!.stop();
    });
    await Promise.all(sends);
    await until(() => expect(arrived()).toHaveLength(12 * 40), { timeout: 15_000 });
    await until(async () => expect(await database.raw("select id from queue.queue_outbox")).toEqual([]));
    for (const key of keys) {
      const { jobs } = await queue.list({ queue: "phases", limit: 1_000 });
      const ofKey = jobs
        .map(({ id }) => id)
        .reverse()
        .filter((id) => id.startsWith(`${key}-`));
      expect(ofKey).toEqual(Array.from({ length: 40 }, (_, index) => `${key}-${index}`));
    }
  });

  test("a job doesn't overtake one of its key that another relay holds", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    const send = (id: string, planId: string) =>
      database.db.transaction((tx) => queue.send(phaseCreate, { planId, index: 0 }, { id, tx }));
    for (const id of ["a", "b", "c"]) await send(id, "p");
    const inHand = await openTransaction(database.db, (tx) =>
      tx.execute(sql`select from queue.queue_outbox where id = 'a' for update`),
    );
    await relay();
    await send("free", "other");
    await until(() => expect(arrived()).toEqual(["free"]));
    await inHand.rollback();
    await until(() => expect(arrived()).toEqual(["free", "a", "b", "c"]));

    await send("d", "p");
    await until(() => expect(arrived()).toEqual(["free", "a", "b", "c", "d"]));
  });

  test("a relay whose connection is cut during a turn continues, and its jobs arrive once", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, flaky, logger } = sending(database);
    flaky.hang("enqueue");
    await relay();
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { id: "a", tx }));
    await until(() => expect(flaky.count("enqueue")).toBe(1));
    await database.raw(
      "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and datname = current_database()",
    );
    flaky.mend();
    await until(async () => expect(await database.raw("select id from queue.queue_outbox")).toEqual([]));
    expect((await queue.list({ queue: "plans" })).jobs).toHaveLength(1);
    await until(() =>
      expect(logger.lines).toEqual([
        expect.stringMatching(/^error: The relay can't move/),
        expect.stringMatching(/^warn: The relay can move/),
      ]),
    );
  });
});

async function jobOf(database: { raw<Row>(text: string): Promise<Row[]> }) {
  const [row] = await database.raw<{ job: string }>("select job from queue.queue_outbox limit 1");
  return JSON.parse(row!.job) as EnqueueBatch["jobs"][number];
}
