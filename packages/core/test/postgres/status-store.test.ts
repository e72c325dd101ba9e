import { eq, gt, sql } from "drizzle-orm";
import { integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import { describe, expect, expectTypeOf, it } from "vitest";
import { migrate } from "../../src/postgres/migrate.ts";
import { createStatusStore, type StatusChange } from "../../src/postgres/status/store.ts";
import {
  type StatusFields,
  type StatusKey,
  type StatusRow,
  statusTable,
} from "../../src/postgres/status/table.ts";
import { createTable, createTableSql, scanStatus } from "./status-support.ts";
import { cleanups, drivers, type TestDatabase } from "./support.ts";

const key = (channelId = "c1") => ({ guildId: "g1", channelId });

describe("statusTable", () => {
  it("has the types of its columns", () => {
    type Scan = typeof scanStatus;
    expectTypeOf<StatusKey<Scan>>().toEqualTypeOf<{ readonly guildId: string; readonly channelId: string }>();
    expectTypeOf<StatusFields<Scan>["messageCount"]>().toEqualTypeOf<number | undefined>();
    expectTypeOf<StatusFields<Scan>["forwardMessageId"]>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<keyof StatusFields<Scan>>().toEqualTypeOf<
      "messageCount" | "totalMessagesScanned" | "forwardMessageId" | "backwardMessageId"
    >();
    expectTypeOf<StatusRow<Scan>["startedAt"]>().toEqualTypeOf<Date | null>();
    expectTypeOf<StatusRow<Scan>["status"]>().toEqualTypeOf<
      "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED"
    >();
    const bare = statusTable("bare", { key: { id: integer("id").notNull() } });
    expectTypeOf<keyof StatusFields<typeof bare>>().toEqualTypeOf<never>();
    // @ts-expect-error: a key column must not be nullable.
    expect(() => statusTable("loose", { key: { id: integer("id") } })).toThrow("must be notNull()");
  });

  it("rejects invalid definitions", () => {
    const id = () => ({ id: text("id").notNull() });
    expect(() => statusTable("a", { key: {} })).toThrow("at least one key column");
    expect(() => statusTable("a", { key: id(), fields: { count: integer("count").notNull() } })).toThrow(
      "count must be nullable or have a default",
    );
    expect(() => statusTable("a", { key: id(), fields: { status: text("status") } })).toThrow(
      "declared twice",
    );
    expect(() => statusTable("a", { key: id(), fields: id() })).toThrow("declared twice");
  });

  it("contains everything a migration needs", () => {
    expect(createTableSql(scanStatus)).toMatchInlineSnapshot(`
      [
        "create table "scan_status" ("guild_id" text not null, "channel_id" text not null, "message_count" integer default 0 not null, "total_messages_scanned" integer default 0 not null, "forward_message_id" text, "backward_message_id" text, "status" text default 'PENDING' not null, "job_id" text, "epoch" integer default 0 not null, "error_message" text, "created_at" timestamp with time zone default now() not null, "started_at" timestamp with time zone, "finished_at" timestamp with time zone, "updated_at" timestamp with time zone default now() not null, primary key ("guild_id", "channel_id"), constraint "scan_status_status_check" check ("status" in ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED')))",
        "create index "scan_status_job_id_index" on "scan_status" ("job_id")",
        "create index "scan_status_updated_at_index" on "scan_status" ("updated_at")",
        "create index "scan_status_unfinished_index" on "scan_status" ("updated_at") where status in ('PENDING', 'RUNNING')",
      ]
    `);
  });
});

describe.each(drivers)("a status store on $name", ({ open }) => {
  async function openStore(): Promise<TestDatabase & { store: ReturnType<typeof createScans> }> {
    const database = await open();
    await createTable(database.db, scanStatus);
    await migrate(database.db, { statusTables: [scanStatus] });
    return { ...database, store: createScans(database) };
  }
  const createScans = ({ db, listener }: TestDatabase) => {
    const store = createStatusStore({ db, table: scanStatus, listener });
    cleanups.push(() => store.close());
    return store;
  };

  it("returns null for a subject that never ran, then its row", async () => {
    const { store } = await openStore();
    expect(await store.get(key())).toBeNull();
    const row = await store.upsert(key(), { messageCount: 3, forwardMessageId: "m'1" });
    expect(row).toMatchObject({
      ...key(),
      messageCount: 3,
      totalMessagesScanned: 0,
      forwardMessageId: "m'1",
      status: "PENDING",
      jobId: null,
      epoch: 0,
      startedAt: null,
    });
    expect(row.createdAt).toBeInstanceOf(Date);
    expect(await store.get(key())).toEqual(row);
    expect(await store.get(key("c2"))).toBeNull();
  });

  it("upserts fields without changing the rest, and a status with its timestamps", async () => {
    const { store, db } = await openStore();
    await store.upsert(key(), { status: "RUNNING", messageCount: 1 });
    await db.update(scanStatus).set({ jobId: "job-1", epoch: 4 }).where(eq(scanStatus.channelId, "c1"));
    const counted = await store.upsert(key(), { messageCount: 2 });
    expect(counted).toMatchObject({ status: "RUNNING", jobId: "job-1", epoch: 4, messageCount: 2 });
    expect(counted.startedAt).toBeInstanceOf(Date);
    const failed = await store.upsert(key(), { status: "FAILED", errorMessage: "no access" });
    expect(failed).toMatchObject({
      status: "FAILED",
      errorMessage: "no access",
      jobId: null,
      messageCount: 2,
    });
    expect(failed.startedAt).toEqual(counted.startedAt);
    expect(failed.finishedAt).toBeInstanceOf(Date);
    const again = await store.upsert(key(), { status: "PENDING" });
    expect(again).toMatchObject({ errorMessage: null, startedAt: null, finishedAt: null });
  });

  it("lists by key, status, field and any condition, in any order, page by page", async () => {
    const { store, db } = await openStore();
    for (let index = 0; index < 7; index++) {
      await store.upsert(
        { guildId: index % 2 ? "g1" : "g2", channelId: `c${index}` },
        {
          status: index < 3 ? "RUNNING" : "FAILED",
          messageCount: index,
          ...(index % 3 && { forwardMessageId: `m${index % 2}` }),
        },
      );
    }
    const channels = async (options: Parameters<typeof store.list>[0]) =>
      (await store.list(options)).rows.map(({ channelId }) => channelId);
    const byCount = { column: "messageCount" } as const;
    expect(await channels({})).toEqual(["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    expect(await channels({ where: { guildId: "g1" }, orderBy: byCount })).toEqual(["c1", "c3", "c5"]);
    expect(
      await channels({ where: { status: ["RUNNING", "PENDING"], guildId: "g2" }, orderBy: byCount }),
    ).toEqual(["c0", "c2"]);
    expect(await channels({ where: { forwardMessageId: null }, orderBy: byCount })).toEqual([
      "c0",
      "c3",
      "c6",
    ]);
    expect(await channels({ where: { forwardMessageId: [null, "m0"] }, orderBy: byCount })).toEqual([
      "c0",
      "c2",
      "c3",
      "c4",
      "c6",
    ]);
    expect(await channels({ where: gt(scanStatus.messageCount, 4), orderBy: byCount })).toEqual(["c5", "c6"]);

    // No row is lost or repeated because of microseconds or missing values.
    await db.execute(sql`update scan_status set started_at = null where message_count in (1, 5)`);
    for (const column of ["updatedAt", "startedAt", "forwardMessageId", "status", "messageCount"] as const) {
      for (const direction of ["asc", "desc"] as const) {
        const orderBy = { column, direction };
        const whole = await channels({ orderBy });
        const paged: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list({ orderBy, limit: 2, cursor });
          paged.push(...page.rows.map(({ channelId }) => channelId));
          cursor = page.cursor;
        } while (cursor !== undefined);
        expect(paged).toEqual(whole);
        expect(new Set(paged).size).toBe(7);
      }
    }
  });

  it("rejects keys, columns, cursors and values that don't fit the table", async () => {
    const { store } = await openStore();
    await store.upsert(key("c1"), {});
    await store.upsert(key("c2"), {});
    const { cursor } = await store.list({ limit: 1 });
    const wrong: Promise<unknown>[] = [
      // @ts-expect-error: half a key
      store.get({ guildId: "g1" }),
      // @ts-expect-error: a null in the key
      store.get({ guildId: "g1", channelId: null }),
      // @ts-expect-error: not a column
      store.list({ where: { colour: "red" } }),
      // @ts-expect-error: not a column
      store.list({ orderBy: { column: "colour" } }),
      store.list({ cursor: "nonsense" }),
      store.list({ cursor, orderBy: { column: "messageCount" } }),
      store.list({ limit: 0 }),
      // @ts-expect-error: not a field
      store.upsert(key(), { colour: "red" }),
      // @ts-expect-error: not a status
      store.upsert(key(), { status: "DONE" }),
    ];
    for (const each of wrong) await expect(each).rejects.toMatchObject({ code: "INVALID_OPTIONS" });
  });

  it("says what to do if the table is missing", async () => {
    const { db } = await open();
    const store = createStatusStore({ db, table: scanStatus });
    await expect(store.get(key())).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringContaining("run your own migrations"),
    });
    expect(() => createStatusStore({ db, table: pgTable("other", { id: text("id") }) as never })).toThrow(
      "Create it with statusTable",
    );
  });

  it("reports changes by any writer, for all subjects or for one", async () => {
    const { store, raw } = await openStore();
    const heard: StatusChange<typeof scanStatus>[] = [];
    const mine: StatusChange<typeof scanStatus>[] = [];
    await store.subscribe((change) => heard.push(change));
    const stop = await store.subscribe((change) => mine.push(change), { key: key("c2") });
    await raw("insert into scan_status (guild_id, channel_id, status) values ('g1', 'c1', 'RUNNING')");
    await expect.poll(() => heard).toMatchObject([{ key: key(), row: { status: "RUNNING" } }]);
    await store.upsert(key("c2"), { messageCount: 4 });
    await expect.poll(() => mine).toMatchObject([{ key: key("c2"), row: { messageCount: 4 } }]);
    await stop();
    await raw("delete from scan_status where channel_id = 'c1'");
    await expect.poll(() => heard.at(-1)).toEqual({ key: key(), row: null });
    await store.upsert(key("c2"), { messageCount: 5 });
    await expect.poll(() => heard.at(-1)).toMatchObject({ row: { messageCount: 5 } });
    expect(mine).toHaveLength(1);
  });

  it("can be joined like any other table", async () => {
    const { db, store } = await openStore();
    const guilds = pgTable("guilds", {
      id: text("id").primaryKey(),
      name: text("name"),
      at: timestamp("at"),
    });
    await createTable(db, guilds);
    await db.execute(sql`alter table guilds add primary key (id)`);
    await db.insert(guilds).values({ id: "g1", name: "Cooks" });
    await store.upsert(key(), { messageCount: 9 });
    const joined = await db
      .select({ name: guilds.name, count: scanStatus.messageCount })
      .from(guilds)
      .innerJoin(scanStatus, eq(scanStatus.guildId, guilds.id));
    expect(joined).toEqual([{ name: "Cooks", count: 9 }]);
  });
});
