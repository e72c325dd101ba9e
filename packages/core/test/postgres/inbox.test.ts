import { sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { createQueue, createWorker, memoryEngine } from "../../src/index.ts";
import { cleanInbox, once } from "../../src/postgres/index.ts";
import { plan, planCreate, planResult, registry, rejection } from "../runtime-support.ts";
import { openTransaction } from "./outbox-support.ts";
import { cleanups, drivers, serverDrivers, type TestDatabase, type TestDriver } from "./support.ts";

async function openWithEffects({
  open,
}: TestDriver): Promise<TestDatabase & { effects(): Promise<string[]> }> {
  const database = await open({ migrate: true });
  await database.raw("create table effects (id text)");
  return {
    ...database,
    effects: async () =>
      (await database.raw<{ id: string }>("select id from effects order by id")).map(({ id }) => id),
  };
}

const context = (id: string, messageType = "PLAN_CREATE") => ({ job: { id, messageType } });
const insert = (id: string) => sql`insert into effects values (${id})`;

describe.each(drivers)("an inbox on $name", (driver) => {
  test("effects run once per job, and again if they failed", async () => {
    const { db, effects } = await openWithEffects(driver);
    const failed = new Error("with its effects");
    const failing = once(db, context("a"), async (tx) => {
      await tx.execute(insert("a"));
      throw failed;
    });
    await expect(failing).rejects.toBe(failed);
    expect(await effects()).toEqual([]);
    const effect = async (tx: typeof db) => {
      await tx.execute(insert("a"));
      return 7;
    };
    expect(await once(db, context("a"), effect)).toEqual({ done: true, value: 7 });
    expect(await once(db, context("a"), effect)).toEqual({ done: false });
    expect(await effects()).toEqual(["a"]);
  });

  test("effects run once per consumer, by default per message", async () => {
    const { db, effects } = await openWithEffects(driver);
    const run = (messageType: string, consumer?: string) =>
      once(
        db,
        context("a", messageType),
        (tx) => tx.execute(insert("a")),
        consumer === undefined ? {} : { consumer },
      );
    expect(await run("ONE")).toMatchObject({ done: true });
    expect(await run("TWO")).toMatchObject({ done: true });
    expect(await run("TWO", "mails")).toMatchObject({ done: true });
    expect(await run("THREE", "mails")).toEqual({ done: false });
    expect(await effects()).toHaveLength(3);
  });

  test("a job that is delivered twice runs its effects once", async () => {
    const { db, effects } = await openWithEffects(driver);
    const queue = createQueue({ registry, engine: memoryEngine() });
    cleanups.push(() => queue.close());
    const outcomes: boolean[] = [];
    const worker = createWorker(queue).handle(planCreate, async (handled) => {
      const { done } = await once(db, handled, (tx) => tx.execute(insert(handled.job.id)));
      outcomes.push(done);
      if (outcomes.length === 1) throw new Error("after its effects");
      return planResult();
    });
    await worker.start();
    cleanups.push(() => worker.stop());
    await queue.send(planCreate, plan(), { id: "a" });
    await vi.waitFor(() => expect(outcomes).toEqual([true, false]), { timeout: 8_000 });
    expect(await effects()).toEqual(["a"]);
  });

  test("inside the caller's transaction it is part of it", async () => {
    const { db, effects } = await openWithEffects(driver);
    const undone = new Error("undone");
    const outer = db.transaction(async (tx) => {
      expect(await once(tx, context("a"), (inner) => inner.execute(insert("a")))).toMatchObject({
        done: true,
      });
      throw undone;
    });
    await expect(outer).rejects.toThrow(undone);
    expect(await once(db, context("a"), (tx) => tx.execute(insert("a")))).toMatchObject({ done: true });
    expect(await effects()).toEqual(["a"]);
  });

  test("cleaning removes jobs that were handled long enough ago", async () => {
    const database = await openWithEffects(driver);
    const { db } = database;
    await database.raw(
      `insert into queue.queue_inbox select 'M', 'old-' || n, now() - interval '40 days' from generate_series(1, 12345) n`,
    );
    await once(db, context("new"), async () => {});
    expect(await cleanInbox(db, { olderThan: "30d" })).toBe(12_345);
    expect(await database.raw("select job_id from queue.queue_inbox")).toEqual([{ job_id: "new" }]);
    expect(await cleanInbox(db, { olderThan: 0 })).toBe(1);
  });

  test("errors say what to do", async () => {
    const { db } = await driver.open();
    const missing = { code: "DATABASE_MISCONFIGURED", message: expect.stringContaining("migrate(db)") };
    expect(await rejection(once(db, context("a"), async () => {}))).toMatchObject(missing);
    expect(await rejection(cleanInbox(db, { olderThan: "1d" }))).toMatchObject(missing);
    const invalid = { code: "INVALID_OPTIONS" };
    expect(await rejection(once(db, context("a"), async () => {}, { consumer: "" }))).toMatchObject(invalid);
    expect(await rejection(cleanInbox(db, {} as never))).toMatchObject(invalid);
  });
});

describe.each(serverDrivers)("two attempts at a time on $name", (driver) => {
  const first = async ({ db }: TestDatabase) =>
    openTransaction(db, async (tx) => {
      await once(tx, context("a"), (inner) => inner.execute(insert("a")));
    });
  const blocked = ({ raw }: TestDatabase) =>
    vi.waitFor(async () =>
      expect(await raw("select 1 as one from pg_locks where not granted")).toEqual([{ one: 1 }]),
    );

  test("the second waits for the first and skips the effects", async () => {
    const database = await openWithEffects(driver);
    const running = await first(database);
    const second = once(database.db, context("a"), (tx) => tx.execute(insert("a")));
    await blocked(database);
    await running.commit();
    expect(await second).toEqual({ done: false });
    expect(await database.effects()).toEqual(["a"]);
  });

  test("if the first rolls back, the second runs the effects", async () => {
    const database = await openWithEffects(driver);
    const running = await first(database);
    const second = once(database.db, context("a"), (tx) => tx.execute(insert("a")));
    await blocked(database);
    await running.rollback();
    expect(await second).toMatchObject({ done: true });
    expect(await database.effects()).toEqual(["a"]);
  });
});
