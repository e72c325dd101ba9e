import { startProxy } from "@org/test-servers";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/pglite";
import { describe, expect, test } from "vitest";
import { QueueError } from "../../src/errors/index.ts";
import { type Database, queryRows, withTypedErrors } from "../../src/postgres/database.ts";
import { inTransaction } from "../../src/postgres/transaction.ts";
import { scans } from "./changes-support.ts";
import { newPglite } from "./new-pglite.ts";
import {
  cleanups,
  createDatabase,
  drivers,
  openNodePostgres,
  openPostgresJs,
  serverDrivers,
  testServer,
} from "./support.ts";

const select = (db: Database, text: string) =>
  withTypedErrors("The test", () => queryRows(db, sql.raw(text)));

function misconfigured(says: RegExp) {
  return {
    code: "DATABASE_MISCONFIGURED",
    retryable: false,
    message: expect.stringMatching(says),
    cause: expect.any(Error),
  };
}

function unavailable(says: RegExp) {
  return {
    code: "DATABASE_UNAVAILABLE",
    retryable: true,
    message: expect.stringMatching(says),
    cause: expect.any(Error),
  };
}

describe.each(drivers)("$name", ({ open }) => {
  test("returns rows, also in a transaction", async () => {
    const { db } = await open();
    const query = sql`select i::int as one, ${"text"}::text as two from generate_series(1, 2) i`;
    const rows = [
      { one: 1, two: "text" },
      { one: 2, two: "text" },
    ];
    expect(await queryRows(db, query)).toEqual(rows);
    expect(await db.transaction((tx) => queryRows(tx, query))).toEqual(rows);
    expect(await queryRows(db, sql`select 1 where false`)).toEqual([]);
  });

  test.each<[string, string, RegExp]>([
    [
      "the library's table",
      "select * from queue.queue_outbox",
      /^The test: relation "queue.queue_outbox" .*migrate\(db\)/,
    ],
    ["a table of an older version", "select status from queue.queue_inbox", /older than .*migrate\(db\)/],
    ["the user's table", 'select * from "scan_status"', /"scan_status" .*drizzle-kit migrate/],
    ["a schema", "create table jobs.a (b int)", /schema "jobs" .*`schema` that you pass/],
    ["a function", "select queue_notify_outbox(1)", /queue_notify_outbox.*migrate\(db\)/],
  ])("says what to do when %s is missing", async (_, text, says) => {
    const { db, raw } = await open();
    await raw("create schema queue; create table queue.queue_inbox (a int)");
    await expect(select(db, text)).rejects.toMatchObject(misconfigured(says));
    const within = withTypedErrors("The test", () => db.transaction((tx) => queryRows(tx, sql.raw(text))));
    await expect(within).rejects.toMatchObject(misconfigured(says));
  });

  test("says what to do in a read-only session", async () => {
    const { db, raw } = await open();
    await raw("create table a (b int)");
    const writing = withTypedErrors("The test", () =>
      db.transaction((tx) => tx.execute(sql`insert into a values (1)`), { accessMode: "read only" }),
    );
    await expect(writing).rejects.toMatchObject(
      misconfigured(/read-only transaction\. .*Connect to the primary/),
    );
  });

  test("leaves all other errors unchanged", async () => {
    const { db } = await open();
    const caught: unknown = await queryRows(db, sql`select 1 / 0`).catch((error: unknown) => error);
    await expect(withTypedErrors("The test", () => Promise.reject(caught))).rejects.toBe(caught);
    for (const error of [new Error("mine"), "text", undefined, new QueueError("CLOSED", "Closed.")]) {
      await expect(withTypedErrors("The test", () => Promise.reject(error))).rejects.toBe(error);
    }
  });
});

describe.each(serverDrivers)("$name", ({ name, open }) => {
  const connect = name === "postgres.js" ? openPostgresJs : openNodePostgres;

  test.each<[string, (url: URL) => void, RegExp]>([
    ["password", (url) => (url.password = "wrong"), /Check the user and the password in the database URL/],
    ["user", (url) => (url.username = "nobody"), /Check the user and the password in the database URL/],
    ["database", (url) => (url.pathname = "/nowhere"), /"nowhere" does not exist\. Create the database/],
  ])("says what to do about a wrong %s", async (_, change, says) => {
    const url = new URL((await testServer()).url);
    change(url);
    await expect(select(connect(url.href), "select 1")).rejects.toMatchObject(misconfigured(says));
  });

  test.each<[string, (url: URL) => void, RegExp]>([
    [
      "port",
      (url) => (url.port = "1"),
      /^The test: .*Check that the server is running and that the database URL/,
    ],
    ["host", (url) => (url.hostname = "nowhere.invalid"), /Check the host in the database URL/],
  ])("says what to check about a wrong %s", async (_, change, says) => {
    const url = new URL((await testServer()).url);
    change(url);
    await expect(select(connect(url.href), "select 1")).rejects.toMatchObject(unavailable(says));
  });

  test("reports a missing privilege", async () => {
    const { db, raw } = await open({ migrate: true });
    const role = `nobody_${process.pid}_${name.replace(/\W/g, "_")}`;
    await raw(`create role ${role}`);
    cleanups.push(() => raw(`drop role ${role}`));
    const reading = withTypedErrors("The test", () =>
      db.transaction(async (tx) => {
        await tx.execute(sql.raw(`set local role ${role}`));
        await tx.execute(sql`select * from queue.queue_outbox`);
      }),
    );
    await expect(reading).rejects.toMatchObject(
      misconfigured(/permission denied .*grant it as the owner of the schema: usage/),
    );
  });

  test("reports a lost connection as retryable", async () => {
    const { db, raw } = await open();
    const kill = () =>
      raw(`select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(60)'
           and datname = current_database()`);
    const sleeping = select(db, "select pg_sleep(60)");
    sleeping.catch(() => {});
    await expect.poll(kill, { timeout: 15_000 }).toHaveLength(1);
    await expect(sleeping).rejects.toMatchObject(unavailable(/Retry once it is back/));

    expect(await select(db, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("reports a connection that was cut and a server that is away", async () => {
    const url = await createDatabase();
    const proxy = await startProxy({ target: url });
    cleanups.push(() => proxy.stop());
    const db = connect(proxy.url);
    await select(db, "select 1");
    const swallowed = proxy.intercept({ containing: "swallowed", fault: "drop-request" });
    await expect(select(db, "select 'swallowed'")).rejects.toMatchObject(unavailable(/database URL/));
    await swallowed;
    await proxy.stop();
    await expect(select(db, "select 1")).rejects.toMatchObject(unavailable(/database URL/));
  });

  test("reports a deadlock as retryable", async () => {
    const { db, raw } = await open();
    await raw("create table a (id int primary key, b int); insert into a values (1, 1), (2, 2)");
    let holds = 0;
    let bothHold = () => {};
    const ready = new Promise<void>((resolve) => {
      bothHold = resolve;
    });
    const update = (first: number, second: number) =>
      withTypedErrors("The test", () =>
        db.transaction(async (tx) => {
          await tx.execute(sql`set local deadlock_timeout = '10ms'`);
          await tx.execute(sql`update a set b = 0 where id = ${first}`);
          if (++holds === 2) bothHold();
          await ready;
          await tx.execute(sql`update a set b = 0 where id = ${second}`);
        }),
      );
    const ends = await Promise.allSettled([update(1, 2), update(2, 1)]);
    const failed = ends.filter((end) => end.status === "rejected");
    expect(failed.map(({ reason }) => reason)).toEqual([
      expect.objectContaining(unavailable(/conflicted with another transaction\. Retry/)),
    ]);
  });
});

test.each([
  ["node-postgres", "during a statement"],
  ["node-postgres", "between two"],
  // Any statement after the loss ends the process: https://github.com/porsager/postgres/issues/1208
  ["postgres.js", "during a statement"],
])("a transaction of %s loses its connection %s", async (name, when) => {
  const { db, raw } = await drivers.find((driver) => driver.name === name)!.open();
  const within = withTypedErrors("The test", () =>
    inTransaction(db, async (tx) => {
      const [row] = await queryRows<{ pid: number }>(tx, sql`select pg_backend_pid() as pid`);
      const kill = () => raw(`select pg_terminate_backend(${row!.pid}, 10000)`);
      if (when === "between two") await kill();
      await Promise.all([tx.execute(sql`select pg_sleep(60)`), when !== "between two" && kill()]);
    }),
  );
  await expect(within).rejects.toMatchObject(unavailable(/Retry once it is back/));
  expect(await select(db, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a PGlite that is closed", async () => {
  const client = await newPglite();
  await client.close();
  await expect(select(drizzle(client, { schema: { scans } }), "select 1")).rejects.toMatchObject(
    unavailable(/PGlite is closed/),
  );
});
