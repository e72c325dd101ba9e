import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { migrate as drizzleMigrate } from "drizzle-orm/node-postgres/migrator";
import { integer, pgSchema, pgTable, text, timestamp } from "drizzle-orm/pg-core";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { statusTableSql } from "../../src/postgres/changes/triggers.ts";
import { queryRows } from "../../src/postgres/database.ts";
import { type MigrateOptions, migrate } from "../../src/postgres/migrate.ts";
import { migrations } from "../../src/postgres/migrations.ts";
import { createScans, scans } from "./changes-support.ts";
import { cleanups, drivers, openNodePostgres, openPostgresJs, serverDrivers, testServer } from "./support.ts";

const ALL = migrations.map(({ version }) => version);

/** Every table and function of the library, with its schema. */
const OBJECTS = `
  select schemaname as schema, tablename as name from pg_tables where tablename like 'queue_%'
  union all
  select n.nspname, p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where p.proname like 'queue_%' order by 2`;

describe.each(drivers)("$name", ({ open }) => {
  test("applies what is missing, once", async () => {
    const { db, raw } = await open();
    expect(await migrate(db)).toEqual(ALL);
    expect(await migrate(db)).toEqual([]);
    const applied = await raw("select version, name from queue.queue_migrations order by version");
    expect(applied).toEqual(migrations.map(({ version, name }) => ({ version, name })));
    await raw("delete from queue.queue_migrations where version > 1; drop table queue.queue_inbox");
    await raw("drop function queue.queue_notify_change; drop function queue.queue_touch_row");
    expect(await migrate(db)).toEqual(ALL.slice(1));
  });

  test("reports an outdated status table, instead of advising to run migrate", async () => {
    const { db, raw } = await open();
    await raw("create table scans (guild_id text, position bigint, primary key (guild_id, position))");
    await expect(migrate(db, { statusTables: [scans] })).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(/updated_at.*Bring your status tables up to date first/s),
    });
  });

  test("uses the schema that it is given", async () => {
    const { db, raw } = await open();
    const schema = `Jobs of "us"`;
    expect(await migrate(db, { schema })).toEqual(ALL);
    expect(await migrate(db, { schema })).toEqual([]);
    const objects = await raw<{ schema: string; name: string }>(OBJECTS);
    const names = [
      "queue_outbox",
      "queue_inbox",
      "queue_migrations",
      "queue_notify_change",
      "queue_touch_row",
    ];
    expect(objects.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
    expect(new Set(objects.map((object) => object.schema))).toEqual(new Set([schema]));
    expect(await migrate(db)).toEqual(ALL);
  });

  test("is part of the caller's transaction, and restores its search path", async () => {
    const { db, raw } = await open();
    const rolledBack = db.transaction(async (tx) => {
      await migrate(tx, { schema: "jobs" });
      expect(await queryRows(tx, sql`select current_schema() as schema`)).toEqual([{ schema: "public" }]);
      throw new Error("no");
    });
    await expect(rolledBack).rejects.toThrow("no");
    expect(await raw(OBJECTS)).toEqual([]);
  });

  test("applies all or nothing", async () => {
    const { db, raw } = await open();
    await raw("create schema queue; create table queue.queue_inbox (mine int)");
    await expect(migrate(db)).rejects.toThrow(/queue_inbox/);
    expect(await raw(OBJECTS)).toEqual([{ schema: "queue", name: "queue_inbox" }]);
  });

  test("rejects a schema that a newer version has migrated", async () => {
    const { db, raw } = await open({ migrate: true });
    await raw("insert into queue.queue_migrations (version, name) values (999, 'future')");
    await expect(migrate(db)).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(/at version 999, .* knows \d+\. .*update @org\/queue/),
    });
  });

  test("says that a table of an applied migration is gone, and how to restore it", async () => {
    const { db, raw } = await open({ migrate: true });
    await raw("drop table queue.queue_inbox");
    const error: Error = await migrate(db).then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: "DATABASE_MISCONFIGURED" });
    const [, remedy] = /queue_inbox is gone, .* may be lost: (delete .*), and run/.exec(error.message) ?? [];
    await raw(remedy!);
    expect(await migrate(db)).toEqual([2]);
    await raw("drop table queue.queue_relay");
    await expect(migrate(db)).rejects.toThrow(/queue_relay is gone, .*`pendingMigrations`/);
  });

  test("names the cause first where a migration is half undone", async () => {
    const { db, raw } = await open({ migrate: true });
    await raw("delete from queue.queue_migrations where version = 3");
    await expect(migrate(db)).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(
        /^migrate: function "queue_notify_change" already exists [^\n]*Put the row/,
      ),
    });
  });

  test("attaches triggers to status tables, and again when their key has changed", async () => {
    const { db, raw } = await open();
    await raw(createScans);
    expect(await migrate(db, { statusTables: [scans] })).toEqual(ALL);
    const triggers = () =>
      raw<{ oid: number; name: string }>(
        "select oid::int, tgname as name from pg_trigger where tgrelid = 'scans'::regclass order by tgname",
      );
    const first = await triggers();
    expect(first.map(({ name }) => name)).toEqual(["queue_notify_change", "queue_touch_row"]);
    await migrate(db, { statusTables: [scans] });
    expect(await triggers()).toEqual(first);
    const byGuild = pgTable("scans", {
      guildId: text("guild_id").primaryKey(),
      updatedAt: timestamp("updated_at", { withTimezone: true }),
    });
    expect(await migrate(db, { statusTables: [byGuild] })).toEqual([]);
    expect(await triggers()).not.toEqual(first);
  });

  test("sets updated_at if a writer didn't", async () => {
    const { db, raw } = await open();
    await raw(createScans);
    await migrate(db, { statusTables: [scans] });
    const updatedAt = async (change: string) => {
      await raw(`update scans set ${change}`);
      const [row] = await raw<{ at: string }>("select extract(epoch from updated_at)::text as at from scans");
      return Number(row!.at);
    };
    await raw("insert into scans (guild_id, position, updated_at) values ('a', 1, to_timestamp(10))");
    expect(await updatedAt("count = 1")).toBeGreaterThan(1_700_000_000);
    expect(await updatedAt("count = 2, updated_at = to_timestamp(20)")).toBe(20);
  });

  test("says which table must exist first", async () => {
    const { db, raw } = await open();
    await expect(migrate(db, { statusTables: [scans] })).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringMatching(/"scans" does not exist.*drizzle-kit migrate/),
    });
    expect(await raw(OBJECTS)).toEqual([]);
  });
});

describe.each(serverDrivers)("$name", ({ name, open }) => {
  test("may be called by ten processes at once", async () => {
    const { raw, url } = await open();
    await raw(createScans);
    const connect = name === "postgres.js" ? openPostgresJs : openNodePostgres;
    const answers = await Promise.all(
      Array.from({ length: 10 }, () =>
        migrate(connect(url!, { max: 1 }), { schema: "jobs", statusTables: [scans] }),
      ),
    );
    expect(answers.filter((versions) => versions.length > 0)).toEqual([ALL]);
    expect(answers.flat()).toEqual(ALL);
  });

  test("says that the name of a schema is reserved", async () => {
    const { db } = await open();
    await expect(migrate(db, { schema: "pg_foo" })).rejects.toMatchObject({
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringContaining("Choose another `schema`"),
    });
  });

  test("locks no table that is up to date", async () => {
    const { db, raw, url } = await open();
    await raw(createScans);
    await migrate(db, { statusTables: [scans] });
    await openNodePostgres(url!).transaction(async (tx) => {
      await tx.execute(
        "lock table scans, queue.queue_outbox, queue.queue_inbox, queue.queue_migrations in row exclusive mode",
      );
      expect(await migrate(db, { statusTables: [scans] })).toEqual([]);
    });
  });

  test("names the privileges that a role lacks, and needs none once migrated", async () => {
    const { db, raw, url } = await open();
    await raw(createScans);
    const role = `reader_${process.pid}_${name.replace(/\W/g, "_")}`;
    await raw(`create role ${role} login password 'secret'`);
    cleanups.push(async () => {
      const admin = new pg.Client((await testServer()).url);
      await admin.connect();
      await admin.query(`drop role ${role}`).finally(() => admin.end());
    });
    cleanups.push(() => raw(`drop owned by ${role}`));
    const theirs = new URL(url!);
    theirs.username = role;
    theirs.password = "secret";
    const asReader = (name === "postgres.js" ? openPostgresJs : openNodePostgres)(theirs.href);
    const refused = {
      code: "DATABASE_MISCONFIGURED",
      retryable: false,
      message: expect.stringMatching(/permission denied.*(may create schemas|needs the owner of the schema)/),
    };
    await expect(migrate(asReader)).rejects.toMatchObject(refused);
    await expect(migrate(asReader, { schema: "jobs" })).rejects.toMatchObject(refused);
    await migrate(db, { statusTables: [scans] });
    await expect(migrate(asReader)).rejects.toMatchObject(refused);
    await raw(`grant usage on schema queue to ${role}; grant select on queue.queue_migrations to ${role}`);
    expect(await migrate(asReader, { statusTables: [scans] })).toEqual([]);
  });
});

describe("a folder of drizzle-kit's", () => {
  test("accepts the migration files unchanged, also in a schema", async () => {
    const { db, raw } = await drivers[0]!.open();
    const folder = await mkdtemp(join(tmpdir(), "queue-drizzle-"));
    cleanups.push(() => rm(folder, { recursive: true }));
    const files = new URL("../../src/postgres/migrations/", import.meta.url);
    const names = (await readdir(files)).sort();
    const ours = await Promise.all(names.map((file) => readFile(new URL(file, files), "utf8")));
    const migration = [
      "create schema jobs;\n",
      "set local search_path to jobs;\n",
      ...ours,
      "set local search_path to default;\n",
      createScans,
      statusTableSql(scans, { schema: "jobs" }),
    ].join("\n--> statement-breakpoint\n");
    await writeFile(join(folder, "0000_queue.sql"), migration);
    await mkdir(join(folder, "meta"));
    const entries = [{ idx: 0, version: "7", when: 1, tag: "0000_queue", breakpoints: true }];
    const journal = { version: "7", dialect: "postgresql", entries };
    await writeFile(join(folder, "meta/_journal.json"), JSON.stringify(journal));
    await drizzleMigrate(db as never, { migrationsFolder: folder });
    expect(await migrate(db, { schema: "jobs", statusTables: [scans] })).toEqual([]);
    expect(new Set((await raw<{ schema: string }>(OBJECTS)).map(({ schema }) => schema))).toEqual(
      new Set(["jobs"]),
    );
  });
});

describe("statusTableSql", () => {
  test("returns SQL for the app's own migration", () => {
    const table = pgSchema("app").table("it's", {
      id: integer("id").primaryKey(),
      updatedAt: timestamp("updated_at"),
    });
    expect(statusTableSql(table, { schema: "jobs" })).toMatchInlineSnapshot(`
      "drop trigger if exists queue_notify_change on "app"."it's";
      --> statement-breakpoint
      create trigger queue_notify_change after insert or update or delete on "app"."it's"
        for each row execute function "jobs".queue_notify_change('id');
      --> statement-breakpoint
      drop trigger if exists queue_touch_row on "app"."it's";
      --> statement-breakpoint
      create trigger queue_touch_row before update on "app"."it's"
        for each row when (new.updated_at is not distinct from old.updated_at)
        execute function "jobs".queue_touch_row();
      "
    `);
  });

  test.each([
    [pgTable("a", { updatedAt: timestamp("updated_at") }), /"a" can't be followed: it has no primary key/],
    [pgTable("a", { id: text("id").primaryKey() }), /it has no column "updated_at"/],
  ])("rejects a table that can't be followed", (table, says) => {
    expect(() => statusTableSql(table)).toThrow(says);
  });
});

test.each<[unknown, RegExp]>([
  [{ schema: "" }, /schema: expected a schema's name/],
  [{ schema: "x".repeat(64) }, /schema: expected a schema's name/],
  [{ table: "a" }, /unknown option "table"/],
  [{ statusTables: ["scans"] }, /statusTables.0: expected a table of Drizzle/],
])("rejects %j", async (options, says) => {
  const { db } = await drivers[2]!.open();
  await expect(migrate(db, options as MigrateOptions)).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringMatching(says),
  });
});
