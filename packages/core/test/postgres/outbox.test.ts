import { sql } from "drizzle-orm";
import { describe, expect, test, vi } from "vitest";
import { type Database, postgresOutbox } from "../../src/postgres/index.ts";
import { phaseCreate, plan, planCreate, rejection } from "../runtime-support.ts";
import { openTransaction, sending } from "./outbox-support.ts";
import { drivers } from "./support.ts";

const until = vi.waitFor;

describe.each(drivers)("an outbox on $name", ({ open }) => {
  test("a job reaches the engine unchanged if its transaction commits", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    await relay();
    const handle = await database.db.transaction(async (tx) => {
      await tx.execute(sql`create table plans (id text)`);
      await tx.execute(sql`insert into plans values ('p1')`);
      return queue.send(planCreate, plan(), {
        id: "job-1",
        userId: "u1",
        priority: 7,
        metadata: { a: "ü'\"\\" },
        tx,
      });
    });
    expect(handle).toMatchObject({ id: "job-1", created: true });
    await until(async () =>
      expect(await queue.get("job-1")).toMatchObject({
        state: "queued",
        userId: "u1",
        priority: 7,
        metadata: { a: "ü'\"\\" },
      }),
    );
    expect(await database.raw("select id from plans")).toEqual([{ id: "p1" }]);
    expect(arrived()).toEqual(["job-1"]);
    await until(async () => expect(await database.raw("select id from queue.queue_outbox")).toEqual([]));
  });

  test("a job whose transaction or savepoint is rolled back is never sent", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    await relay();
    const undone = new Error("undone");
    const send = (id: string, tx: Database) => queue.send(planCreate, plan(), { id, tx });
    let waitForNever = async () => {};
    const failing = database.db.transaction(async (tx) => {
      const never = await send("never", tx);
      waitForNever = async () => void (await never.wait({ timeout: 20 }));
      throw undone;
    });
    await expect(failing).rejects.toThrow(undone);
    expect((await rejection(waitForNever())).message).toMatch(
      /^The job never didn't end within 20 ms\. The engine doesn't know this job: its transaction .* was rolled back/,
    );
    await database.db.transaction(async (tx) => {
      await send("before", tx);
      const inner = tx.transaction(async (savepoint) => {
        await send("inner", savepoint);
        throw undone;
      });
      await expect(inner).rejects.toThrow(undone);
      await send("after", tx);
    });
    await until(() => expect(arrived()).toEqual(["before", "after"]));
  });

  test("tells how many jobs it holds, and for how long", async () => {
    const database = await open({ migrate: true });
    const { queue, relay } = sending(database);
    expect(await queue.outboxBacklog()).toEqual({ jobs: 0 });
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { tx }));
    await database.db.execute(sql`update queue.queue_outbox set created_at = now() - interval '1 minute'`);
    await database.db.transaction((tx) => queue.send(planCreate, plan("p2"), { tx }));
    const backlog = await queue.outboxBacklog();
    expect(backlog).toEqual({ jobs: 2, oldest: expect.any(Number) });
    expect(backlog!.oldest).toBeGreaterThanOrEqual(60_000);
    await relay();
    await until(async () => expect(await queue.outboxBacklog()).toEqual({ jobs: 0 }));
  });

  test("the jobs of one call arrive in order, whatever their number", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    const items = Array.from({ length: 1_234 }, (_, index) => ({
      message: phaseCreate,
      data: { planId: `p${index % 3}`, index },
      options: { id: `job-${index}` },
    }));
    await database.db.transaction((tx) => queue.sendMany(items, { tx }));
    await relay();
    await until(() => expect(arrived()).toEqual(items.map(({ options }) => options.id)), { timeout: 5_000 });
  });

  test("a repeated id is stored once, also after the job has arrived", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    const send = (id: string, planId: string) =>
      database.db.transaction((tx) => queue.send(planCreate, { planId }, { id, tx }));
    await send("same", "first");
    await send("same", "second");
    expect(await database.raw("select id from queue.queue_outbox")).toEqual([{ id: "same" }]);
    await relay();
    await until(() => expect(arrived()).toEqual(["same"]));
    await send("same", "third");
    await send("last", "p1");
    await until(() => expect(arrived()).toEqual(["same", "last"]));
    expect((await queue.get("same"))?.data).toEqual({ planId: "first" });
  });

  test("keys and data may contain any text", async () => {
    const database = await open({ migrate: true });
    const { queue, relay, arrived } = sending(database);
    await relay();
    const texts = [
      '"',
      "\\",
      "{a,b}",
      "null",
      "NULL",
      "\n\r\t",
      "\0",
      "ü😀",
      "'; drop table queue.queue_outbox; --",
      'a\\"b',
    ];
    await database.db.transaction(async (tx) => {
      for (const [index, planId] of texts.entries()) {
        await queue.send(phaseCreate, { planId, index: 0 }, { id: `job-${index}`, tx });
      }
    });
    await until(() => expect(arrived()).toHaveLength(texts.length));
    for (const [index, planId] of texts.entries()) {
      expect((await queue.get(`job-${index}`))?.data).toEqual({ planId, index: 0 });
    }
  });

  test("uses the schema that it is given", async () => {
    const schema = 'My "own" schema';
    const database = await open({ migrate: { schema } });
    const { queue, relay, arrived } = sending(database, { schema });
    await relay();
    await database.db.transaction((tx) => queue.send(planCreate, plan(), { id: "job-1", tx }));
    await until(() => expect(arrived()).toEqual(["job-1"]));
  });

  test("says what to do if its tables are missing", async () => {
    const database = await open();
    const { queue, relay, logger } = sending(database);
    const sent = await rejection(database.db.transaction((tx) => queue.send(planCreate, plan(), { tx })));
    expect(sent).toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringContaining("migrate(db)"),
    });
    await relay();
    await until(() => expect(logger.lines).toEqual([expect.stringContaining("can't move jobs")]));
  });

  test("rejects a `tx` that isn't a transaction", async () => {
    const database = await open({ migrate: true });
    const { queue } = sending(database);
    const itself = await rejection(queue.send(planCreate, plan(), { tx: database.db }));
    expect(itself).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("the database itself"),
    });
    const other = await rejection(queue.send(planCreate, plan(), { tx: { execute() {} } }));
    expect(other).toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("db.transaction("),
    });
    expect(await database.raw("select id from queue.queue_outbox")).toEqual([]);
  });

  test("sends notify only if a relay listens and none is awake", async () => {
    const database = await open({ migrate: true });
    const { queue } = sending(database);
    const heard: string[] = [];
    await database.listener.listen(
      "queue_outbox",
      (payload) => heard.push(payload),
      () => {},
    );
    const send = () => database.db.transaction((tx) => queue.send(planCreate, plan(), { tx }));
    const relays = (awake: string, listening: string) =>
      database.raw(`delete from queue.queue_relay; insert into queue.queue_relay
        values ('relay', now() + interval '${awake}', now() + interval '${listening}')`);
    await send();
    await relays("-1s", "-1s");
    await send();
    await relays("1h", "1h");
    await send();
    await database.raw("notify queue_outbox, 'none so far'");
    await relays("-1s", "1h");
    await send();
    await until(() => expect(heard).toEqual(["none so far", "queue"]));
  });
});

test("checks its options", async () => {
  const [{ open }] = drivers.slice(-1) as [(typeof drivers)[number]];
  const { db } = await open();
  for (const [options, problem] of [
    [{}, "db: expected a database of Drizzle"],
    [{ db: {} }, "db: expected a database of Drizzle"],
    [{ db, schema: "" }, "schema: expected a schema's name"],
    [{ db, batch: 0 }, "batch: must be at least 1"],
    [{ db, pollInterval: "1h" }, "pollInterval"],
    [{ db, listener: {} }, "listener: expected a listener"],
    [{ db, onProblem: 1 }, "onProblem: expected a function"],
    [{ db, pol: 1 }, 'unknown option "pol"'],
  ] as const) {
    expect(() => postgresOutbox(options as never)).toThrow(problem);
  }
});

test("an open transaction doesn't hold up other jobs", async () => {
  const [{ open }] = drivers.slice(0, 1) as [(typeof drivers)[number]];
  const database = await open({ migrate: true });
  const { queue, relay, arrived } = sending(database);
  await relay();
  const slow = await openTransaction(database.db, (tx) => queue.send(planCreate, plan(), { id: "slow", tx }));
  await database.db.transaction((tx) => queue.send(planCreate, plan(), { id: "quick", tx }));
  await until(() => expect(arrived()).toEqual(["quick"]));
  await slow.commit();
  await until(() => expect(arrived()).toEqual(["quick", "slow"]));
});
