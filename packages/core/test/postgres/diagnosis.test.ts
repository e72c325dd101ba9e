import { startPgBouncer } from "@org/test-servers";
import { sql } from "drizzle-orm";
import pg from "pg";
import { expect, it } from "vitest";
import { pgListener } from "../../src/postgres/changes/pg-listener.ts";
import { diagnoseDatabase } from "../../src/postgres/diagnosis/diagnose-database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { pendingMigrations } from "../../src/postgres/pending-migrations.ts";
import { cleanups, createDatabase, openNodePostgres, testServer } from "./support.ts";

const listen = (url: string) => {
  const listener = pgListener({ connect: () => new pg.Client(url) });
  cleanups.push(() => listener.close());
  return listener;
};

it("finds what is missing, and nothing after migrate", async () => {
  const url = await createDatabase();
  const db = openNodePostgres(url, { max: 2 });
  const pending = await pendingMigrations(db);
  expect(pending.migrations.map(({ name }) => name)).toEqual(["outbox", "inbox", "changes"]);
  expect(await diagnoseDatabase(db)).toContainEqual(
    expect.objectContaining({ check: "migrations", status: "problem", remedy: "Run: queue migrate" }),
  );
  await migrate(db);
  expect(await pendingMigrations(db)).toEqual({ migrations: [], statusTables: [] });
  const findings = await diagnoseDatabase(db, { listener: listen(url) });
  expect(findings.map(({ check, status }) => `${check} ${status}`)).toEqual([
    "connection ok",
    "version ok",
    "migrations ok",
    "rights ok",
    "listener ok",
  ]);
});

it("says which rights a role lacks", async () => {
  const url = await createDatabase();
  const owner = openNodePostgres(url, { max: 1 });
  await migrate(owner);
  const role = `clerk_${process.pid}`;
  await owner.execute(
    sql.raw(`create role ${role} login password 'pw'; grant usage on schema queue to ${role};
    grant select on all tables in schema queue to ${role}`),
  );
  const other = new URL(url);
  other.username = role;
  other.password = "pw";
  const clerk = openNodePostgres(other.href, { max: 1 });
  const rights = async () => (await diagnoseDatabase(clerk)).find(({ check }) => check === "rights");
  expect(await rights()).toMatchObject({ status: "warning", text: expect.stringContaining("may read") });
  await owner.execute(
    sql.raw(`grant insert, update, delete on queue.queue_outbox, queue.queue_inbox to ${role}`),
  );
  expect(await rights()).toMatchObject({
    status: "problem",
    remedy: `As the owner: grant insert, update, delete on "queue".queue_relay to "${role}"`,
  });
});

it("notices a listener behind a pooler in transaction mode", async ({ skip }) => {
  const pooler = await startPgBouncer({ target: (await testServer()).url });
  if ("unavailable" in pooler) return skip(`no PgBouncer: ${pooler.unavailable}`);
  cleanups.push(() => pooler.stop());
  const target = await createDatabase();
  const url = new URL(pooler.url);
  url.pathname = new URL(target).pathname;
  const findings = await diagnoseDatabase(openNodePostgres(target, { max: 1 }), {
    listener: listen(url.href),
  });
  expect(findings.find(({ check }) => check === "listener")).toMatchObject({
    status: "problem",
    remedy: expect.stringContaining("direct address"),
  });
});

it("rejects options that it can't use, as documented", async () => {
  const db = openNodePostgres("postgres://nobody@127.0.0.1:1/none", { max: 1 });
  const given = [{ schema: "" }, { shcema: "x" }, { statusTables: null }, { listener: 5 }, null];
  for (const options of given) {
    await expect(diagnoseDatabase(db, options as never)).rejects.toMatchObject({
      code: "INVALID_OPTIONS",
      message: expect.stringContaining("diagnoseDatabase: "),
    });
  }
});

it("reports a pooler in statement mode, which refuses transactions", async ({ skip }) => {
  const pooler = await startPgBouncer({ target: (await testServer()).url, mode: "statement" });
  if ("unavailable" in pooler) return skip(`no PgBouncer: ${pooler.unavailable}`);
  cleanups.push(() => pooler.stop());
  const url = new URL(pooler.url);
  url.pathname = new URL(await createDatabase()).pathname;
  const db = openNodePostgres(url.href, { max: 1 });
  expect((await diagnoseDatabase(db)).find(({ check }) => check === "commits")).toMatchObject({
    status: "problem",
    text: expect.stringContaining("pool_mode = transaction"),
  });
  await expect(migrate(db)).rejects.toMatchObject({ code: "DATABASE_MISCONFIGURED" });
});

it("reports a database that is away, and ends", async () => {
  const db = openNodePostgres("postgres://nobody@127.0.0.1:1/none", { max: 1 });
  expect(await diagnoseDatabase(db)).toMatchObject([{ check: "connection", status: "problem" }]);
});
