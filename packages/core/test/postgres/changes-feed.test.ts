import { startProxy } from "@org/test-servers";
import { describe, expect, test } from "vitest";
import { ChangeFeed } from "../../src/postgres/changes/change-feed.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { appScans, createScans, follow, NEVER, openWithScans, scans } from "./changes-support.ts";
import { cleanups, drivers, openNodePostgres, serverDrivers } from "./support.ts";

describe.each(drivers)("$name", ({ open }) => {
  test("reports rows written by plain SQL as Drizzle reads them", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const told = await follow({ db, listener, pollInterval: NEVER });
    await raw(`insert into scans (guild_id, position) values ('it''s "7"', 9007199254740993)`);
    const inserted = await told.first(({ row }) => row?.count === 0);
    expect(inserted.key).toEqual({ guildId: `it's "7"`, position: 9007199254740993n });
    expect(inserted.row).toEqual({
      guildId: `it's "7"`,
      position: 9007199254740993n,
      count: 0,
      updatedAt: expect.any(Date),
    });
    await raw("update scans set count = 5");
    expect((await told.first(({ row }) => row?.count === 5)).row?.position).toBe(9007199254740993n);
    await raw("delete from scans");
    expect((await told.first(({ row }) => row === undefined)).key).toEqual(inserted.key);
  });

  test("reports a key change as a deletion and an insertion", async () => {
    const { db, listener, raw } = await openWithScans(open);
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    const told = await follow({ db, listener, pollInterval: NEVER });
    await raw("update scans set position = 2");
    expect((await told.first(({ row }) => row === undefined)).key).toEqual({ guildId: "a", position: 1n });
    expect((await told.first(({ row }) => row !== undefined)).key).toEqual({ guildId: "a", position: 2n });
  });

  test("reports each of many rows once", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const told = await follow({ db, listener, pollInterval: 50 });
    await raw("insert into scans (guild_id, position) select 'many', i from generate_series(1, 1200) i");
    await raw("insert into scans (guild_id, position) values ('last', 1)");
    await told.first(({ key }) => key.guildId === "last");
    expect(told.changes).toHaveLength(1201);
  });

  test("finds a row whose key is too long for a notification", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const told = await follow({ db, listener, pollInterval: NEVER });
    // An index entry is limited to 2,700 bytes, compressed.
    await raw("insert into scans (guild_id, position) values (repeat('x', 9000), 1)");
    expect((await told.first(() => true)).key.guildId).toHaveLength(9000);
  });

  test("finds each change once by polling without a listener", async () => {
    const { db, raw } = await openWithScans(open);
    await raw("insert into scans (guild_id, position) values ('before', 1)");
    const told = await follow({ db, pollInterval: 20 });
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    await told.first(({ key }) => key.guildId === "a");
    await raw("update scans set count = count + 1 where guild_id = 'a'");
    await told.first(({ row }) => row?.count === 1);
    await raw("insert into scans (guild_id, position) values ('b', 1)");
    await told.first(({ key }) => key.guildId === "b");
    expect(told.changes.map(({ key, row }) => [key.guildId, row?.count])).toEqual([
      ["a", 0],
      ["a", 1],
      ["b", 0],
    ]);
  });

  test("ignores notifications without news, and malformed ones", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const told = await follow({ db, listener, pollInterval: NEVER, onError });
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    await told.first(({ key }) => key.guildId === "a");
    const key = { guild_id: "a", position: "1" };
    for (const payload of [
      JSON.stringify({ schema: "public", table: "scans", key }),
      JSON.stringify({ schema: "public", table: "others", key }),
      JSON.stringify({ schema: "app", table: "scans", key }),
      JSON.stringify({ schema: "public", table: "scans" }),
      // Keys that Postgres rejects.
      JSON.stringify({ schema: "public", table: "scans", key: { guild_id: "a", position: "one" } }),
      JSON.stringify({ schema: "public", table: "scans", key: { guild_id: { a: 1 }, position: [] } }),
      JSON.stringify({ schema: "public", table: "scans", key: { guild_id: "\u0000", position: "1" } }),
      "{",
      "null",
    ]) {
      await raw(`notify queue_changes, '${payload}'`);
    }
    await raw("insert into scans (guild_id, position) values ('b', 1)");
    await told.first(({ key }) => key.guildId === "b");
    expect(told.changes).toHaveLength(2);
    expect(errors).toMatchObject([
      {
        code: "DATABASE_MISCONFIGURED",
        message: expect.stringMatching(/key that Postgres rejects: .* are ignored/),
      },
    ]);
  });

  test("serves several subscribers, until they unsubscribe", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const feed = new ChangeFeed({
      db,
      table: scans,
      keyColumns: [scans.guildId, scans.position],
      listener,
    });
    const heard: string[] = [];
    let resolve: () => void;
    const stopFirst = await feed.subscribe(() => heard.push("first"));
    const stopSecond = await feed.subscribe(() => {
      heard.push("second");
      resolve();
    });
    const change = async (text: string) => {
      const isHeard = new Promise<void>((done) => {
        resolve = done;
      });
      await raw(text);
      await isHeard;
    };
    await change("insert into scans (guild_id, position) values ('a', 1)");
    await stopFirst();
    await change("update scans set count = 1");
    await stopSecond();
    await stopSecond();
    const stopThird = await feed.subscribe(() => {
      heard.push("third");
      resolve();
    });
    await change("update scans set count = 2");
    await stopThird();
    expect(heard).toEqual(["first", "second", "second", "third"]);
  });

  test("reports a missing table, and can be retried", async () => {
    const { db, raw } = await open({ migrate: true });
    await expect(follow({ db })).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(/"scans" does not exist.*drizzle-kit migrate/),
    });
    await raw("create table scans (guild_id text, position bigint, count int, updated_at timestamptz)");
    await follow({ db });
  });

  test("serves the other subscribers when one throws", async () => {
    const { db, listener, raw } = await openWithScans(open);
    const errors: unknown[] = [];
    const feed = new ChangeFeed({
      db,
      table: scans,
      keyColumns: [scans.guildId, scans.position],
      listener,
      onError: (error) => errors.push(error),
    });
    cleanups.push(
      await feed.subscribe(() => {
        throw new Error("mine");
      }),
    );
    const heard = new Promise<void>((resolve) => {
      void feed.subscribe(() => resolve()).then((stop) => cleanups.push(stop));
    });
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    await heard;
    expect(errors).toEqual([new Error("mine")]);
  });
});

describe.each(serverDrivers)("$name", ({ name, open }) => {
  test("reports writes by a role without access to the library's schema", async () => {
    const { db, listener, raw } = await open();
    await raw("create schema app; set search_path to app");
    await raw(createScans);
    await migrate(db, { schema: "jobs", statusTables: [appScans] });
    const role = `writer_${process.pid}_${name.replace(/\W/g, "_")}`;
    await raw(`create role ${role}; grant usage on schema app to ${role}`);
    await raw(`grant select, insert, update on app.scans to ${role}`);
    cleanups.push(() => raw(`reset role; drop owned by ${role}; drop role ${role}`));
    const feed = new ChangeFeed({
      db,
      listener,
      table: appScans,
      keyColumns: [appScans.guildId, appScans.position],
      pollInterval: NEVER,
    });
    const told = new Promise((resolve) => {
      void feed.subscribe(resolve).then(async (stop) => {
        cleanups.push(stop);
        await raw(`set role ${role}; insert into app.scans (guild_id, position) values ('a', 1)`);
      });
    });
    expect(await told).toMatchObject({ key: { guildId: "a", position: 1n }, row: { count: 0 } });
  });

  test("reports an UPDATE on another connection within 100 ms", async () => {
    const { db, listener, raw } = await openWithScans(open);
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    const told = await follow({ db, listener, pollInterval: NEVER });
    const times: number[] = [];
    for (let count = 1; count <= 20; count++) {
      const start = performance.now();
      await raw(`update scans set count = ${count}`);
      await told.first(({ row }) => row?.count === count);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    console.log(`${name}: median ${times[10]!.toFixed(1)} ms, slowest ${times[19]!.toFixed(1)} ms`);
    expect(times[10]).toBeLessThan(100);
    expect(times[19]).toBeLessThan(1_000);
  });

  test("finds rows by polling that are committed long after they were written", async () => {
    const { db, raw, url } = await openWithScans(open);
    const told = await follow({ db, pollInterval: 20, overlap: 0 });
    await openNodePostgres(url!).transaction(async (tx) => {
      await tx.execute("insert into scans (guild_id, position) values ('slow', 1)");
      for (const quick of ["quick", "quicker"]) {
        await raw(`insert into scans (guild_id, position) values ('${quick}', 1)`);
        await told.first(({ key }) => key.guildId === quick);
      }
    });
    await told.first(({ key }) => key.guildId === "slow");
  });

  test("catches up once the database is back, and reports the outage once", async () => {
    const { listener, raw, url } = await openWithScans(open);
    const proxy = await startProxy({ target: url! });
    cleanups.push(() => proxy.stop());
    const errors: unknown[] = [];
    const told = await follow({
      db: openNodePostgres(proxy.url),
      listener,
      pollInterval: 20,
      onError: (error) => errors.push(error),
    });
    proxy.use("refuse");
    await raw("insert into scans (guild_id, position) values ('a', 1)");
    await expect.poll(() => errors.length, { timeout: 15_000 }).toBe(1);
    proxy.use("pass");
    await told.first(({ key }) => key.guildId === "a");
    expect(errors).toEqual([expect.objectContaining({ code: "DATABASE_UNAVAILABLE" })]);
  });
});
