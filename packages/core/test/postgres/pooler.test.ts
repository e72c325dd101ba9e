import { startPgBouncer } from "@org/test-servers";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it, type TestContext, vi } from "vitest";
import type { Database } from "../../src/postgres/database.ts";
import { once } from "../../src/postgres/inbox/once.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { plan, planCreate } from "../runtime-support.ts";
import { sending } from "./outbox-support.ts";
import { cleanups, createDatabase, openNodePostgres, testServer } from "./support.ts";

const SENDS = 60;

let pooler: Awaited<ReturnType<typeof startPgBouncer>>;

beforeAll(async () => {
  pooler = await startPgBouncer({ target: (await testServer()).url });
}, 120_000);

afterAll(async () => {
  if ("stop" in pooler) await pooler.stop();
});

/** A migrated database with a table of the app, and its URL through the pooler. */
async function openBehindPooler({ skip }: TestContext): Promise<{ direct: Database; url: string }> {
  if ("unavailable" in pooler) return skip(`no PgBouncer: ${pooler.unavailable}`);
  const target = await createDatabase();
  const direct = openNodePostgres(target, { max: 1 });
  await migrate(direct);
  await direct.execute(sql`create table plans (id text primary key)`);
  const url = new URL(pooler.url);
  url.pathname = new URL(target).pathname;
  return { direct, url: url.href };
}

function openPostgresJs(url: string, options: { readonly prepare?: boolean } = {}): Database {
  const client = postgres(url, { onnotice: () => {}, max: 10, ...options });
  cleanups.push(() => client.end({ timeout: 1 }));
  return drizzle(client);
}

/**
 * Inserts many rows concurrently, each with a send in its own transaction. Returns the errors of rejected sends, whose
 * transactions must not commit.
 */
async function sendMany(db: Database, queue: ReturnType<typeof sending>["queue"]): Promise<unknown[]> {
  const rejections: unknown[] = [];
  const transactions = Array.from({ length: SENDS }, (_, index) =>
    db.transaction(async (tx) => {
      await tx.execute(sql`insert into plans values (${`p${index}`})`);
      await queue.send(planCreate, plan(`p${index}`), { id: `job-${index}`, tx }).catch((error) => {
        rejections.push(error);
        throw error;
      });
    }),
  );
  const outcomes = await Promise.allSettled(transactions);
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(rejections.length);
  return rejections;
}

async function countOf(db: Database, table: string): Promise<number> {
  const answer: unknown = await db.execute(sql.raw(`select count(*)::int as count from ${table}`));
  return (answer as { rows: { count: number }[] }).rows[0]!.count;
}

describe("through PgBouncer in transaction mode", () => {
  it("a client whose commits may be lost is rejected, and none of its sends resolves", async (context) => {
    const { direct, url } = await openBehindPooler(context);
    const db = openPostgresJs(url);
    const { queue } = sending({ db, listener: undefined as never });
    const rejections = await sendMany(db, queue);
    const refused = {
      code: "DATABASE_MISCONFIGURED",
      message: expect.stringContaining("prepare: false"),
    };
    expect(rejections).toHaveLength(SENDS);
    for (const rejection of rejections) expect(rejection).toMatchObject(refused);
    expect(await countOf(direct, "queue.queue_outbox")).toBe(0);
    expect(await countOf(direct, "plans")).toBe(0);
    const job = { job: { id: "a", messageType: "PLAN_CREATE" } };
    await expect(once(db, job, async () => {})).rejects.toMatchObject(refused);
    await expect(migrate(db, { schema: "other" })).rejects.toMatchObject(refused);
  });

  const clients = [
    {
      name: "postgres.js without prepared statements",
      open: (url: string) => openPostgresJs(url, { prepare: false }),
    },
    { name: "pg", open: (url: string) => openNodePostgres(url) },
  ];

  describe.each(clients)("with $name", ({ open }) => {
    it("every send is stored and moved, and effects run once", async (context) => {
      const { direct, url } = await openBehindPooler(context);
      const db = open(url);
      const { queue, relay, arrived } = sending({ db, listener: undefined as never }, { pollInterval: 50 });
      await relay();
      expect(await sendMany(db, queue)).toEqual([]);
      expect(await countOf(direct, "plans")).toBe(SENDS);
      await vi.waitFor(() => expect(arrived()).toHaveLength(SENDS), { timeout: 10_000 });
      const effect = (index: number) =>
        once(db, { job: { id: `job-${index % 10}`, messageType: "PLAN_CREATE" } }, (tx) =>
          tx.execute(sql`insert into plans values (${`effect ${index % 10}`})`),
        );
      const effects = await Promise.all(Array.from({ length: 40 }, (_, index) => effect(index)));
      expect(effects.filter(({ done }) => done)).toHaveLength(10);
      expect(await countOf(direct, "plans")).toBe(SENDS + 10);
    });
  });
});
