import type { PGlite } from "@electric-sql/pglite";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { memoryEngine, UnrecoverableError } from "../../src/index.ts";
import type { Database } from "../../src/postgres/database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { postgresOutbox } from "../../src/postgres/outbox/postgres-outbox.ts";
import { newPglite } from "./new-pglite.ts";
import { channelScan, openStore, rowIn, startApp, subject } from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import { cleanups } from "./support.ts";

let client: PGlite;
let db: Database;

beforeAll(async () => {
  client = await newPglite();
  db = drizzle(client);
  await createTable(db, scanStatus);
  await migrate(db);
  // The history of all rows.
  await client.exec(`
    create table history (id serial primary key, channel_id text, status text, epoch int, error_message text);
    create function remember() returns trigger language plpgsql as $$ begin
      insert into history (channel_id, status, epoch, error_message)
      values (new.channel_id, new.status, new.epoch, new.error_message);
      return null;
    end $$;
    create trigger remember after insert or update on scan_status for each row execute function remember();
  `);
}, 60_000);

afterAll(() => client.close());

// Runs after the cleanups: those were registered first, and afterEach hooks run in reverse.
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await client.exec("delete from scan_status; delete from history; delete from queue.queue_outbox;");
});

/** Every status that the row had, in order, with its epoch. */
async function statuses(channelId = "c1") {
  const { rows } = await client.query<{ status: string; epoch: number }>(
    "select status, epoch from history where channel_id = $1 order by id",
    [channelId],
  );
  const said = rows.map(({ status, epoch }) => `${status} ${epoch}`);
  return said.filter((text, index) => text !== said[index - 1]);
}

const done = { scanned: 3, lastMessageId: "m3" };

describe("the reconciler", () => {
  const reconcile = { reconcileInterval: "100ms", goneAfter: "200ms" } as const;

  it("repairs rows that missed transitions, including fields from the job", async () => {
    const app = openStore(db);
    const engine = memoryEngine();
    const { queue } = await startApp(app, { engine, sync: async () => {}, options: reconcile });
    await queue.send(channelScan, subject());
    // A worker without tracking, like one whose process died before it could write.
    await startApp(undefined, { engine, scan: async () => done });
    const row = await rowIn(app.store, "SUCCEEDED");
    expect(row).toMatchObject({ epoch: 1, messageCount: 3, forwardMessageId: "m3" });
    expect(row.startedAt).not.toBeNull();
    expect(row.finishedAt).not.toBeNull();
  });

  it("leaves rows alone that the app or another job took over", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, { scan: async () => done, options: reconcile });
    await queue.wait(await queue.send(channelScan, subject()));
    await rowIn(app.store, "SUCCEEDED");
    await client.exec("update scan_status set status = 'RUNNING', updated_at = now() - interval '1 minute'");
    await queue.send(channelScan, subject("c2"));
    await queue.pause("scans");
    await db.execute(sql`insert into scan_status (guild_id, channel_id, status, job_id, created_at, updated_at)
      values ('g1', 'c9', 'RUNNING', 'gone', now(), now() - interval '1 minute')`);
    // The repaired row of the lost job shows that the scan has happened.
    await rowIn(app.store, "FAILED", subject("c9"));
    expect(await app.store.get(subject())).toMatchObject({ status: "RUNNING" });
  });

  it("ends a row as the engine remembers its job, when the id of a removed job is sent again", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async ({ data }) => {
        if (data.channelId === "c2") throw new UnrecoverableError("no access");
        return done;
      },
      queue: { outbox: postgresOutbox({ db, pollInterval: 20 }) },
      options: { reconcileInterval: "100ms", goneAfter: "1h" },
    });
    const redeliver = (channelId: string) =>
      db.transaction((tx) => queue.send(channelScan, subject(channelId), { id: `hook-${channelId}`, tx }));
    for (const channelId of ["c1", "c2", "c3"]) await redeliver(channelId);
    await rowIn(app.store, "SUCCEEDED", subject("c1"));
    await rowIn(app.store, "FAILED", subject("c2"));
    await rowIn(app.store, "SUCCEEDED", subject("c3"));
    for (const channelId of ["c1", "c2", "c3"]) await queue.remove(`hook-${channelId}`);
    await client.exec("delete from scan_status where channel_id <> 'c3'; delete from history");
    for (const channelId of ["c3", "c1", "c2"]) await redeliver(channelId);
    await client.exec("update scan_status set updated_at = now() - interval '1 minute'; delete from history");
    await rowIn(app.store, "SUCCEEDED", subject("c1"));
    expect(await rowIn(app.store, "FAILED", subject("c2"))).toMatchObject({
      errorMessage: expect.stringContaining("no longer stored"),
    });
    // The row showed the end of the job already.
    expect(await statuses("c3")).toEqual([]);
    expect(app.errors).toEqual([]);
  });

  it("fails a job that the engine doesn't remember, but not one in the outbox", async () => {
    const app = openStore(db);
    const producer = await startApp(app, { queue: { outbox: postgresOutbox({ db }) } });
    await producer.queue.send(channelScan, subject());
    await db.transaction((tx) => producer.queue.send(channelScan, subject("c2"), { tx }));
    await client.exec("update scan_status set updated_at = now() - interval '1 minute'");
    // The engine has lost its data.
    await startApp(app, { sync: async () => {}, options: reconcile });
    const row = await rowIn(app.store, "FAILED");
    expect(row.errorMessage).toContain("no longer knows the job");
    expect(await app.store.get(subject("c2"))).toMatchObject({ status: "PENDING" });
  });
});
