import type { PGlite } from "@electric-sql/pglite";
import { drizzle } from "drizzle-orm/pglite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import {
  createQueue,
  createRegistry,
  defineMessage,
  memoryEngine,
  UnrecoverableError,
} from "../../src/index.ts";
import type { Database } from "../../src/postgres/database.ts";
import { migrate } from "../../src/postgres/migrate.ts";
import { postgresOutbox } from "../../src/postgres/outbox/postgres-outbox.ts";
import { FlakyEngine } from "../runtime-support.ts";
import { newPglite } from "./new-pglite.ts";
import {
  channelScan,
  guildSync,
  openStore,
  rowIn,
  scanTracking,
  startApp,
  subject,
} from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import { cleanups } from "./support.ts";

let client: PGlite;
let db: Database;
/** Statements that wrote the table, with their times. */
const writes: { readonly query: string; readonly at: number }[] = [];

beforeAll(async () => {
  client = await newPglite();
  db = drizzle(client, {
    logger: {
      logQuery: (query) => {
        if (/^\s*(insert into|update) "scan_status"/.test(query))
          writes.push({ query, at: performance.now() });
      },
    },
  });
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
  writes.length = 0;
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

/** Sends a scan that starts once its row exists, so that the history is complete. */
async function sendScan(queue: Awaited<ReturnType<typeof startApp>>["queue"]) {
  await queue.pause("scans");
  const job = await queue.send(channelScan, subject());
  await queue.resume("scans");
  return job;
}

const done = { scanned: 3, lastMessageId: "m3" };

describe("a tracked message", () => {
  it("records success: pending, running, progress, and the result", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async ({ progress }) => {
        await rowIn(app.store, "RUNNING");
        progress({ scanned: 1, lastMessageId: "m1" });
        await expect.poll(async () => (await app.store.get(subject()))?.messageCount).toBe(1);
        return done;
      },
    });
    const job = await sendScan(queue);
    const row = await rowIn(app.store, "SUCCEEDED");
    expect(row).toMatchObject({
      jobId: job.id,
      epoch: 1,
      messageCount: 3,
      totalMessagesScanned: 3,
      forwardMessageId: "m3",
      errorMessage: null,
    });
    expect(row.startedAt!.getTime()).toBeGreaterThanOrEqual(row.createdAt.getTime());
    expect(row.finishedAt!.getTime()).toBeGreaterThanOrEqual(row.startedAt!.getTime());
    expect(row.createdAt).toEqual((await queue.get(job))!.sentAt);
    expect(await statuses()).toEqual(["PENDING 0", "RUNNING 1", "SUCCEEDED 1"]);
    // One of them for progress.
    expect(writes).toHaveLength(4);
    expect(app.errors).toEqual([]);
  });

  it("records failure after retries, and the last error during each wait", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async ({ job, fence }) => {
        await expect.poll(() => statuses()).toContain(`RUNNING ${fence}`);
        throw new Error(`attempt ${job.attempt}`);
      },
    });
    await sendScan(queue);
    const row = await rowIn(app.store, "FAILED");
    expect(row).toMatchObject({ errorMessage: "attempt 2", epoch: 2 });
    expect(await statuses()).toEqual(["PENDING 0", "RUNNING 1", "PENDING 1", "RUNNING 2", "FAILED 2"]);
    expect(writes).toHaveLength(5);
    const { rows } = await client.query(
      "select error_message as error from history where status = 'PENDING'",
    );
    expect(rows).toEqual([{ error: null }, { error: "attempt 1" }]);
  });

  it("records a cancellation while it waits", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, { scan: async () => done });
    await queue.pause("scans");
    const job = await queue.send(channelScan, subject());
    await queue.cancel(job, { reason: "not today" });
    expect(await rowIn(app.store, "CANCELLED")).toMatchObject({ errorMessage: "not today", epoch: 0 });
    expect(writes).toHaveLength(2);
  });

  it("records a cancellation while it runs", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const job = await sendScan(queue);
    await rowIn(app.store, "RUNNING");
    await queue.cancel(job, { reason: "enough" });
    expect(await rowIn(app.store, "CANCELLED")).toMatchObject({ errorMessage: "enough", epoch: 1 });
    expect(await statuses()).toEqual(["PENDING 0", "RUNNING 1", "CANCELLED 1"]);
    expect(writes).toHaveLength(3);
  });

  it("records a cancellation by a failed dependency, also one that failed before", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async () => done,
      sync: async () => {
        throw new UnrecoverableError("no such guild");
      },
    });
    const sync = await queue.send(guildSync, { guildId: "g1" });
    await queue.send(channelScan, subject(), { dependsOn: [sync] });
    const row = await rowIn(app.store, "CANCELLED");
    expect(row.errorMessage).toContain(sync.id);
    await queue.send(channelScan, subject("c2"), { dependsOn: [sync] });
    await rowIn(app.store, "CANCELLED", subject("c2"));
  });

  it("records a stall, and skips later writes of the lost attempt", async () => {
    const app = openStore(db);
    const engine = memoryEngine();
    const dying = new FlakyEngine(engine);
    let report: (scanned: number) => void = () => {};
    const lost = await startApp(app, {
      engine: dying.engine,
      worker: { lease: "1s" },
      scan: ({ progress }) => {
        report = (scanned) => progress({ scanned, lastMessageId: "zombie" });
        return new Promise(() => {});
      },
    });
    await lost.queue.send(channelScan, subject());
    await rowIn(app.store, "RUNNING");
    dying.fail("extend", "claim", "settle");
    // Another process, with its own store.
    const other = openStore(db);
    const next = await startApp(other, {
      engine,
      scan: async () => {
        await expect.poll(() => statuses()).toContain("RUNNING 2");
        report(99);
        return done;
      },
    });
    const row = await rowIn(other.store, "SUCCEEDED");
    report(100);
    await app.store.writer.flush(1_000);
    expect(row).toMatchObject({ epoch: 2, messageCount: 3, forwardMessageId: "m3" });
    expect(await other.store.get(subject())).toEqual(row);
    expect((await statuses()).slice(-2)).toEqual(["RUNNING 2", "SUCCEEDED 2"]);
    expect(await next.queue.get(row.jobId!)).toMatchObject({ stalls: 1 });
  });

  it("records that its workers died too often", async () => {
    const app = openStore(db);
    const engine = memoryEngine();
    const { queue } = await startApp(app, { engine, sync: async () => {} });
    await queue.send(channelScan, subject());
    for (let stalls = 1; stalls <= 2; stalls++) {
      // A worker that claims the job and disappears.
      expect((await engine.core.claim({ queues: ["scans"], limit: 1, lease: 30 })).jobs).toHaveLength(1);
      if (stalls === 1) await expect.poll(() => statuses()).toContain("PENDING 1");
    }
    const row = await rowIn(app.store, "FAILED");
    expect(row).toMatchObject({
      epoch: 2,
      errorMessage: expect.stringContaining("stopped renewing its lease"),
    });
  });

  it("records an operator's retry", async () => {
    const app = openStore(db);
    let isMended = false;
    const { queue } = await startApp(app, {
      scan: async ({ fence }) => {
        if (!isMended) throw new UnrecoverableError("no access");
        await expect.poll(() => statuses()).toContain(`RUNNING ${fence}`);
        return done;
      },
    });
    const job = await queue.send(channelScan, subject());
    await rowIn(app.store, "FAILED");
    await queue.pause("scans");
    isMended = true;
    await queue.retry(job);
    expect(await rowIn(app.store, "PENDING")).toMatchObject({
      errorMessage: null,
      finishedAt: null,
      epoch: 2,
    });
    await queue.resume("scans");
    await rowIn(app.store, "SUCCEEDED");
    expect((await statuses()).slice(-3)).toEqual(["PENDING 2", "RUNNING 3", "SUCCEEDED 3"]);
  });

  it("records why a job never reached its handler", async () => {
    const app = openStore(db);
    const { engine } = await startApp(app, { scan: async () => done });
    // A producer with a different contract.
    const lax = defineMessage("CHANNEL_SCAN", {
      data: z
        .object({ guildId: z.string(), channelId: z.string(), depth: z.int() })
        .partial({ guildId: true }),
      queue: "scans",
    });
    const producer = createQueue({ registry: createRegistry([lax]), engine });
    cleanups.push(() => producer.close());
    const job = await producer.send(lax, { channelId: "c1", depth: 1 });
    // The row came from elsewhere: the subject can't be read from this job.
    await app.store.upsert(subject(), {});
    await db.update(scanStatus).set({ jobId: job.id });
    await rowIn(app.store, "FAILED");
    expect((await app.store.get(subject()))?.errorMessage).toContain("guildId");
  });

  it("writes a send with tx in that transaction", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async () => {
        await expect.poll(() => statuses()).toContain("RUNNING 1");
        return done;
      },
      queue: { outbox: postgresOutbox({ db, pollInterval: 50 }) },
    });
    const rolledBack = db.transaction(async (tx) => {
      await queue.send(channelScan, subject("c2"), { tx });
      expect(await tx.select().from(scanStatus)).toHaveLength(1);
      throw new Error("changed my mind");
    });
    await expect(rolledBack).rejects.toThrow("changed my mind");
    await db.transaction(async (tx) => {
      await queue.sendMany(
        [
          { message: channelScan, data: subject() },
          { message: channelScan, data: subject("c3") },
        ],
        { tx },
      );
    });
    await rowIn(app.store, "SUCCEEDED");
    await rowIn(app.store, "SUCCEEDED", subject("c3"));
    expect(await app.store.get(subject("c2"))).toBeNull();
    expect(await statuses()).toEqual(["PENDING 0", "RUNNING 1", "SUCCEEDED 1"]);
  });
});

describe("the cost of tracking", () => {
  it("writes progress at most four times a second, and always the last one", async () => {
    const app = openStore(db);
    let last = 0;
    const { queue } = await startApp(app, {
      scan: async ({ progress }) => {
        await rowIn(app.store, "RUNNING");
        writes.length = 0;
        const until = performance.now() + 2_500;
        while (performance.now() < until) {
          progress({ scanned: ++last, lastMessageId: `m${last}` });
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        // The last progress is written although the handler reports no more.
        await expect.poll(async () => (await app.store.get(subject()))?.messageCount).toBe(last);
        const busiest = Math.max(
          ...writes.map(({ at }) => writes.filter((other) => other.at >= at && other.at < at + 1_000).length),
        );
        expect(busiest).toBeLessThanOrEqual(4);
        expect(writes.length).toBeGreaterThan(5);
        progress({ scanned: ++last, lastMessageId: "last" });
        throw new UnrecoverableError("enough");
      },
    });
    await queue.send(channelScan, subject());
    expect(await rowIn(app.store, "FAILED")).toMatchObject({ messageCount: last, errorMessage: "enough" });
  });

  it("writes many subjects in one statement, and finished jobs only as ended", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, { scan: async () => done });
    const channels = Array.from({ length: 100 }, (_, index) => `c${index}`);
    await queue.sendMany(channels.map((channelId) => ({ message: channelScan, data: subject(channelId) })));
    for (const channelId of channels) await rowIn(app.store, "SUCCEEDED", subject(channelId));
    expect(writes.length).toBeLessThan(30);
  });

  it("writes a large send with tx in a few statements", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, { queue: { outbox: postgresOutbox({ db }) } });
    const items = Array.from({ length: 450 }, (_, index) => ({
      message: channelScan,
      data: subject(`c${index % 430}`),
    }));
    const handles = await db.transaction((tx) => queue.sendMany(items, { tx }));
    expect(writes).toHaveLength(3);
    expect((await app.store.list({ limit: 1_000 })).rows).toHaveLength(430);
    // Of two jobs with one subject, the later one owns the row.
    expect(await app.store.get(subject("c0"))).toMatchObject({ jobId: handles[430]!.id });
  });
});

describe("tracking errors", () => {
  it("ignores jobs without a key, and reports errors of `key`", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async () => done,
      options: {
        key: ({ guildId, channelId }) => {
          if (channelId === "bad") throw new Error("what channel?");
          if (channelId === "half") return { guildId } as never;
          return channelId === "private" ? undefined : { guildId, channelId };
        },
      },
    });
    await queue.wait(await queue.send(channelScan, subject("private")));
    expect(app.errors).toEqual([]);
    await queue.wait(await queue.send(channelScan, subject("bad")));
    await queue.wait(await queue.send(channelScan, subject("half")));
    expect(app.errors.map(String)).toContain("Error: what channel?");
    expect(app.errors.map(String).join()).toContain("expected the key { guildId, channelId }");
    expect((await app.store.list()).rows).toEqual([]);
  });

  it("continues without fields whose callback throws or that Postgres rejects", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, {
      scan: async ({ data, progress }) => {
        if (data.channelId === "c1") progress({ scanned: 1, lastMessageId: "m1" });
        return data.channelId === "c2" ? { ...done, lastMessageId: "no\0text" } : done;
      },
      options: {
        fields: {
          progress: () => {
            throw new Error("can't count");
          },
          result: ({ scanned, lastMessageId }) => ({
            messageCount: scanned,
            forwardMessageId: lastMessageId,
          }),
        },
      },
    });
    await Promise.all([queue.send(channelScan, subject("c2")), queue.send(channelScan, subject("c1"))]);
    await rowIn(app.store, "SUCCEEDED");
    await expect.poll(() => app.errors).toHaveLength(2);
    expect(app.errors.map(String)).toContain("Error: can't count");
  });

  it("sends although the row can't be written, and reports that once", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app);
    await client.exec("alter table scan_status rename to away");
    try {
      const first = await queue.send(channelScan, subject());
      const second = await queue.send(channelScan, subject("c2"));
      expect([first.created, second.created]).toEqual([true, true]);
      expect(app.errors).toMatchObject([{ code: "DATABASE_MISCONFIGURED" }]);
    } finally {
      await client.exec("alter table away rename to scan_status");
    }
    await rowIn(app.store, "PENDING");
    await rowIn(app.store, "PENDING", subject("c2"));
  });

  it("fails a send with tx whose row can't be written, as part of the transaction", async () => {
    const app = openStore(db);
    const { queue } = await startApp(app, { queue: { outbox: postgresOutbox({ db }) } });
    await client.exec("alter table scan_status rename to away");
    try {
      const sending = db.transaction((tx) => queue.send(channelScan, subject(), { tx }));
      await expect(sending).rejects.toMatchObject({ code: "DATABASE_MISCONFIGURED" });
    } finally {
      await client.exec("alter table away rename to scan_status");
    }
    expect((await client.query("select 1 from queue.queue_outbox")).rows).toEqual([]);
  });

  it("rejects invalid options", () => {
    const { store } = openStore(db);
    expect(() => scanTracking(store, { key: "guildId" as never })).toThrow(
      "trackStatus: key: expected a function",
    );
    expect(() => scanTracking({} as never)).toThrow("expected a store");
  });
});
