import { sql } from "drizzle-orm";
import { drizzle as drizzleNodePostgres } from "drizzle-orm/node-postgres";
import { pgEnum, pgTable, text, timestamp, withReplicas } from "drizzle-orm/pg-core";
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { defineMessage, type Engine, memoryEngine } from "../../src/index.ts";
import {
  createStatusStore,
  migrate,
  once,
  postgresOutbox,
  startRelay,
  statusTable,
  statusTableSql,
  trackStatus,
} from "../../src/postgres/index.ts";
import { plan, planCreate, RecordingLogger } from "../runtime-support.ts";
import { sending } from "./outbox-support.ts";
import { createTable, createTableSql, scanStatus } from "./status-support.ts";
import { cleanups, createDatabase, drivers, openNodePostgres } from "./support.ts";

const job = { job: { id: "a", messageType: "PLAN_CREATE" } };

describe("a database on a single connection of pg", () => {
  it("is rejected wherever its transactions would mix with the app's, except by migrate", async () => {
    const client = new pg.Client(await createDatabase());
    await client.connect();
    cleanups.push(() => client.end());
    const db = drizzleNodePostgres(client);
    const refused = { code: "INVALID_OPTIONS", message: expect.stringMatching(/db: .*Pass a pool/) };
    expect(() => postgresOutbox({ db })).toThrow(expect.objectContaining(refused));
    expect(() => createStatusStore({ db, table: scanStatus })).toThrow(expect.objectContaining(refused));
    await expect(once(db, job, async () => {})).rejects.toMatchObject(refused);
    expect(await migrate(db)).not.toEqual([]);
  });
});

describe("a database with replicas", () => {
  it("uses the primary", async () => {
    const primary = openNodePostgres(await createDatabase());
    const nowhere = openNodePostgres("postgres://nobody@127.0.0.1:1/none");
    const db = withReplicas(primary as ReturnType<typeof drizzleNodePostgres>, [nowhere as never]);
    await createTable(primary, scanStatus);
    await migrate(db, { statusTables: [scanStatus] });
    const { queue, relay, arrived } = sending({ db, listener: undefined as never }, { pollInterval: 20 });
    await relay();
    await db.transaction((tx) => queue.send(planCreate, plan(), { id: "a", tx }));
    await vi.waitFor(() => expect(arrived()).toEqual(["a"]));
    expect(await once(db, job, async () => 1)).toEqual({ done: true, value: 1 });
    const store = createStatusStore({ db, table: scanStatus });
    const key = { guildId: "g", channelId: "c" };
    await store.upsert(key, { messageCount: 2 });
    expect(await store.get(key)).toMatchObject({ messageCount: 2 });
  });
});

it.each([undefined, {}, "postgres://127.0.0.1"])(
  "rejects a value that isn't a database: %j",
  async (value) => {
    const db = value as never;
    const refused = {
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("expected a database of Drizzle"),
    };
    expect(() => postgresOutbox({ db })).toThrow(expect.objectContaining(refused));
    expect(() => createStatusStore({ db, table: scanStatus })).toThrow(expect.objectContaining(refused));
    await expect(migrate(db)).rejects.toMatchObject(refused);
    await expect(once(db, job, async () => {})).rejects.toMatchObject(refused);
  },
);

describe("a table whose key columns are declared without names", () => {
  const unnamed = statusTable("unnamed", {
    key: { guildId: text().notNull(), channel: text().notNull() },
    fields: { lastMessage: text() },
  });

  it("gets its names from the database's casing, in triggers too", async () => {
    const { url, raw } = await drivers[0]!.open();
    const pool = new pg.Pool({ connectionString: url });
    cleanups.push(() => pool.end());
    const db = drizzleNodePostgres(pool, { casing: "snake_case" });
    for (const statement of createTableSql(unnamed)) {
      await raw(statement.replaceAll("guildId", "guild_id").replaceAll("lastMessage", "last_message"));
    }
    await migrate(db, { statusTables: [unnamed] });
    expect(await migrate(db, { statusTables: [unnamed] })).toEqual([]);
    const triggers = await raw<{ args: string }>(
      "select encode(tgargs, 'escape') as args from pg_trigger where tgname = 'queue_notify_change'",
    );
    expect(triggers).toEqual([{ args: "guild_id\\000channel\\000" }]);
    const store = createStatusStore({ db, table: unnamed, pollInterval: 20 });
    cleanups.push(() => store.close());
    const heard: unknown[] = [];
    const key = { guildId: "g", channel: "c" };
    await store.subscribe((change) => heard.push(change), { key });
    await store.upsert(key, { lastMessage: "m1" });
    await expect.poll(() => heard).toMatchObject([{ key, row: { lastMessage: "m1" } }]);
    await store.upsert({ ...key, channel: "d" }, {});
    const { cursor } = await store.list({ limit: 1 });
    expect((await store.list({ limit: 1, cursor })).rows).toHaveLength(1);
  });

  it("needs `casing` or names for its SQL", () => {
    expect(() => statusTableSql(unnamed)).toThrow(
      /key column guildId is declared without a name.*pass `casing`/,
    );
    expect(statusTableSql(unnamed, { casing: "snake_case" })).toContain("('guild_id', 'channel')");
    expect(statusTableSql(scanStatus)).toContain("('guild_id', 'channel_id')");
    const plain = pgTable("plain", { id: text().primaryKey(), updatedAt: timestamp("updated_at") });
    expect(statusTableSql(plain)).toContain("('id')");
  });
});

describe("a role without privileges", () => {
  it("gets an error that names the missing privilege", async () => {
    const url = await createDatabase();
    const role = `limited_${process.pid}`;
    const owner = openNodePostgres(url);
    await owner.execute(sql.raw(`create role ${role} login password 'secret'`));
    cleanups.push(async () => {
      await owner.execute(sql.raw(`drop owned by ${role} cascade; drop role ${role}`));
    });
    const theirs = new URL(url);
    theirs.username = role;
    theirs.password = "secret";
    const db = openNodePostgres(theirs.href);
    const refused = (says: RegExp) => ({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(says),
    });
    await expect(migrate(db)).rejects.toMatchObject(refused(/create schema "queue" authorization "limited_/));
    await owner.execute(sql`create schema queue`);
    const grant = new RegExp(`grant usage, create on schema "queue" to "${role}"`);
    await expect(migrate(db)).rejects.toMatchObject(refused(grant));
    await owner.execute(sql.raw(`grant usage on schema queue to ${role}`));
    await expect(migrate(db)).rejects.toMatchObject(refused(grant));
    await owner.execute(sql.raw(`grant create on schema queue to ${role}`));
    expect(await migrate(db)).not.toEqual([]);
    await createTable(owner, scanStatus);
    await expect(migrate(db, { statusTables: [scanStatus] })).rejects.toMatchObject(
      refused(/"scan_status" belongs to the role .*as that role/),
    );

    // Policies that hide rows of the outbox from its relay.
    await owner.execute(
      sql.raw(`alter table queue.queue_outbox enable row level security; alter table queue.queue_outbox owner to current_user;
        grant all on queue.queue_outbox to ${role}`),
    );
    const warningsAfter = async (
      isOver: (engine: Engine, lines: readonly string[], id: string) => Promise<boolean>,
    ) => {
      const logger = new RecordingLogger();
      const engine = memoryEngine();
      const outbox = postgresOutbox({ db, pollInterval: 10 });
      const relay = await startRelay({ outbox, engine, logger });
      const { queue } = sending({ db: owner, listener: undefined as never });
      const id = crypto.randomUUID();
      await owner.transaction((tx) => queue.send(planCreate, plan(), { id, tx }));
      await expect.poll(() => isOver(engine, logger.lines, id)).toBe(true);
      await relay.stop();
      return logger.lines.filter((line) => line.includes("Row-level security"));
    };
    expect(await warningsAfter(async (_, lines) => lines.length > 0)).toHaveLength(1);
    await owner.execute(sql.raw(`create policy relay on queue.queue_outbox to ${role} using (true)`));
    expect(
      await warningsAfter(async (engine, _, id) => (await engine.inspect!.get([{ id }]))[0] !== null),
    ).toEqual([]);
  });
});

describe("the types of trackStatus", () => {
  it("accept literals of enums", () => {
    const mood = pgEnum("mood", ["calm", "wild"]);
    const table = statusTable("moods", {
      key: { id: text("id").notNull(), kind: mood("kind").notNull() },
      fields: { mood: mood("mood"), word: text("word", { enum: ["a", "b"] }), note: text("note") },
    });
    const message = defineMessage("MOOD", {
      data: z.object({ id: z.string() }),
      result: z.object({ ok: z.boolean() }),
    });
    const store = createStatusStore({ db: openNodePostgres("postgres://127.0.0.1:1/none"), table });
    trackStatus(message, {
      store,
      key: ({ id }) => ({ id, kind: "calm" }),
      fields: {
        start: () => ({ mood: "calm", note: undefined }),
        progress: () => ({ mood: "wild", word: "b" }),
        result: ({ ok }) => ({ mood: ok ? "wild" : "calm", word: "a" }),
      },
    });
    const key = ({ id }: { id: string }) => ({ id, kind: "calm" as const });
    // @ts-expect-error: not a value of the enum
    trackStatus(message, { store, key, fields: { start: () => ({ mood: "sad" }) } });
    // @ts-expect-error: not a field
    trackStatus(message, { store, key, fields: { start: () => ({ colour: "red" }) } });
    expect(store.parts.hasExactKeys).toBe(true);
  });

  it("accept undefined for omitted options", () => {
    const db = openNodePostgres("postgres://127.0.0.1:1/none");
    const given: string | undefined = undefined;
    const none = undefined as never as undefined;
    postgresOutbox({ db, schema: given, listener: none, pollInterval: none, batch: none, onProblem: none });
    createStatusStore({ db, table: scanStatus, listener: none, pollInterval: none, onError: none });
    statusTable("a", { key: { id: text("id").notNull() }, fields: none, schema: given });
    expect(statusTableSql(scanStatus, { schema: given, casing: none })).toContain('"queue".');
  });
});
