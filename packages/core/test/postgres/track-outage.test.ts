import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres, startProxy } from "@org/test-servers";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { describe, expect, it, vi } from "vitest";
import { memoryEngine } from "../../src/index.ts";
import type { Database } from "../../src/postgres/database.ts";
import { channelScan, openStore, rowIn, startApp, subject } from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import { cleanups, createDatabase, openNodePostgres } from "./support.ts";

/** Maximum time from the return of Postgres to the right row, in milliseconds. */
const RECOVERY = 5_000;

const done = { scanned: 3, lastMessageId: "m3" };

const clients = [
  { name: "node-postgres", connect: (url: string) => openNodePostgres(url) },
  // By default it waits up to 20 seconds before it reconnects.
  { name: "postgres.js", connect: openImpatientPostgresJs },
];

function openImpatientPostgresJs(url: string): Database {
  const client = postgres(url, { backoff: () => 0.5, fetch_types: false, onnotice: () => {} });
  cleanups.push(() => client.end({ timeout: 1 }));
  return drizzle(client);
}

describe.each(clients)("while Postgres is away, on $name", ({ connect }) => {
  async function openBehindProxy() {
    const target = await createDatabase();
    await createTable(openNodePostgres(target), scanStatus);
    const proxy = await startProxy({ target });
    cleanups.push(() => proxy.stop());
    const db = connect(proxy.url);
    return {
      proxy,
      target,
      db,
      app: openStore(db),
      watching: openStore(openNodePostgres(target)),
    };
  }

  it("jobs are sent and run, and their rows are right soon after its return", async () => {
    const { proxy, app, watching } = await openBehindProxy();
    const { queue } = await startApp(app, {
      scan: async ({ data, progress }) => {
        progress({ scanned: 2, lastMessageId: "m2" });
        if (data.channelId === "c2") throw new Error("no access");
        return done;
      },
    });
    await queue.pause("scans");
    const waiting = await queue.send(channelScan, subject("before"));
    proxy.use("refuse");
    await queue.resume("scans");
    await queue.wait(waiting);
    await queue.wait(await queue.send(channelScan, subject("c1")));
    await expect(queue.wait(await queue.send(channelScan, subject("c2")))).rejects.toMatchObject({
      code: "JOB_FAILED",
    });
    expect(app.errors).toMatchObject([{ code: "DATABASE_UNAVAILABLE" }]);
    expect(await watching.store.get(subject("before"))).toMatchObject({ status: "PENDING" });
    expect(await watching.store.get(subject("c1"))).toBeNull();

    proxy.use("pass");
    await rowIn(watching.store, "SUCCEEDED", subject("before"), RECOVERY);
    expect(await rowIn(watching.store, "SUCCEEDED", subject("c1"), RECOVERY)).toMatchObject({
      messageCount: 3,
      forwardMessageId: "m3",
    });
    expect(await rowIn(watching.store, "FAILED", subject("c2"), RECOVERY)).toMatchObject({
      messageCount: 2,
      errorMessage: "no access",
    });
    expect(app.errors).toHaveLength(1);
  });

  it("an outage is reported once, also where reconciliation fails beside the writes", async () => {
    const { proxy, db, app } = await openBehindProxy();
    const options = { reconcileInterval: 100 };
    const { queue } = await startApp(app, { scan: async () => done, options });
    proxy.use("refuse");
    const writes = vi.spyOn(db, "insert");
    const scans = vi.spyOn(db, "execute");
    await queue.wait(await queue.send(channelScan, subject()));
    // The second of each follows the first one's failure.
    const repeats = () => Math.min(writes.mock.calls.length, scans.mock.calls.length);
    await expect.poll(repeats, { timeout: RECOVERY }).toBeGreaterThan(1);
    expect(app.errors).toMatchObject([{ code: "DATABASE_UNAVAILABLE" }]);
    proxy.use("pass");
  });

  it("if the worker dies before it can write, another one repairs the rows", async () => {
    const { proxy, app, watching } = await openBehindProxy();
    const engine = memoryEngine();
    let finish: () => void = () => {};
    const first = await startApp(app, {
      engine,
      scan: () =>
        new Promise((resolve) => {
          finish = () => resolve(done);
        }),
    });
    const job = await first.queue.send(channelScan, subject());
    await rowIn(watching.store, "RUNNING");
    proxy.use("refuse");
    finish();
    await first.queue.wait(job);
    app.store.writer.close();
    await startApp(openStore(connect(proxy.url)), { engine, sync: async () => {} });
    expect(await watching.store.get(subject())).toMatchObject({ status: "RUNNING" });
    proxy.use("pass");
    expect(await rowIn(watching.store, "SUCCEEDED", subject(), RECOVERY)).toMatchObject({ messageCount: 3 });
  });

  it("a half-open connection is abandoned", async () => {
    const { proxy, app, watching } = await openBehindProxy();
    const { queue } = await startApp(app, { scan: async () => done });
    await queue.wait(await queue.send(channelScan, subject()));
    await rowIn(watching.store, "SUCCEEDED");
    proxy.abandon();
    await queue.wait(await queue.send(channelScan, subject("c2")));
    await rowIn(watching.store, "SUCCEEDED", subject("c2"));
    expect(app.errors).toMatchObject([{ code: "DATABASE_UNAVAILABLE" }]);
    // `end` of a pool waits for all of its connections.
    proxy.cut();
  });

  it("a send waits only briefly for a Postgres that doesn't answer", async () => {
    const { proxy, app, watching } = await openBehindProxy();
    const { queue } = await startApp(app);
    await queue.send(channelScan, subject());
    proxy.use("stall");
    const sentAt = performance.now();
    await queue.send(channelScan, subject("c2"));
    expect(performance.now() - sentAt).toBeLessThan(4_000);
    proxy.use("pass");
    await rowIn(watching.store, "PENDING", subject("c2"), RECOVERY);
  });
});

describe("a Postgres that is killed and started again", () => {
  it("has the right rows soon after", async () => {
    const directory = await mkdtemp(join(tmpdir(), "queue-status-"));
    cleanups.push(() => rm(directory, { recursive: true, force: true }));
    // Commits must survive the kill, unlike by default on test servers.
    const args = ["-c", "synchronous_commit=on"];
    const server = await startPostgres({ directory, args });
    cleanups.push(() => server.stop());
    const db = openNodePostgres(server.url);
    await createTable(db, scanStatus);
    const app = openStore(db);
    let finish: () => void = () => {};
    const { queue } = await startApp(app, {
      scan: () =>
        new Promise((resolve) => {
          finish = () => resolve(done);
        }),
    });
    const job = await queue.send(channelScan, subject());
    await rowIn(app.store, "RUNNING");
    process.kill(server.pid!, "SIGQUIT");
    await server.stop();
    finish();
    await queue.wait(job);
    await queue.send(channelScan, subject("c2"));
    const again = await startPostgres({ directory, args, port: Number(new URL(server.url).port) });
    cleanups.push(() => again.stop());
    const row = async () => (await app.store.get(subject()).catch(() => null))?.status;
    await expect.poll(row, { timeout: RECOVERY, interval: 20 }).toBe("SUCCEEDED");
    finish();
    await rowIn(app.store, "SUCCEEDED", subject("c2"));
  }, 60_000);
});
