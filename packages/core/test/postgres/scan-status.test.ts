import { describe, expect, it } from "vitest";
import { migrate } from "../../src/postgres/migrate.ts";
import { createStatusStore } from "../../src/postgres/status/store.ts";
import { channelScan, rowIn, startApp, subject } from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import { cleanups, drivers } from "./support.ts";

const done = { scanned: 3, lastMessageId: "m3" };

describe.each(drivers)("the scan status of a Discord app on $name", ({ open }) => {
  async function openApp() {
    const { db, listener, raw } = await open();
    await createTable(db, scanStatus);
    await migrate(db, { statusTables: [scanStatus] });
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const store = createStatusStore({ db, table: scanStatus, listener, onError });
    cleanups.push(() => store.close());
    return { store, errors, raw };
  }

  it("can be followed live from never scanned to its end", async () => {
    const app = await openApp();
    expect(await app.store.get(subject())).toBeNull();
    const seen: (readonly [string, number])[] = [];
    await app.store.subscribe(({ row }) => row && seen.push([row.status, row.messageCount]), {
      key: subject(),
    });
    const saw = (status: string, count: number) =>
      expect.poll(() => seen.at(-1), { timeout: 5_000, interval: 5 }).toEqual([status, count]);
    const { queue } = await startApp(app, {
      scan: async ({ progress }) => {
        await saw("RUNNING", 0);
        for (const scanned of [1, 2]) {
          progress({ scanned, lastMessageId: `m${scanned}` });
          await saw("RUNNING", scanned);
        }
        return done;
      },
    });
    await queue.send(channelScan, subject());
    await saw("SUCCEEDED", 3);
    expect(app.errors).toEqual([]);
  });

  it("accepts plain SQL from a worker in another language, and the next scan takes over", async () => {
    const app = await openApp();
    const heard: string[] = [];
    await app.store.subscribe(({ row }) => row && heard.push(`${row.status} ${row.messageCount}`));
    const { queue } = await startApp(app, {
      scan: async () => done,
      options: { reconcileInterval: "100ms" },
    });
    const job = await queue.send(channelScan, subject());
    await queue.wait(job);
    await rowIn(app.store, "SUCCEEDED");
    // Like a Python worker.
    const write = (status: string, count: number) =>
      app.raw(`
        insert into scan_status (guild_id, channel_id, status, message_count, backward_message_id, started_at)
        values ('g1', 'c1', '${status}', ${count}, 'b${count}', now())
        on conflict (guild_id, channel_id) do update set
          job_id = null, status = excluded.status, message_count = excluded.message_count,
          backward_message_id = excluded.backward_message_id, started_at = excluded.started_at, finished_at = null`);
    await write("RUNNING", 40);
    await expect.poll(() => heard, { timeout: 5_000 }).toContain("RUNNING 40");
    // Its progress and no other column.
    await app.raw("update scan_status set message_count = 41 where guild_id = 'g1' and channel_id = 'c1'");
    await expect.poll(() => heard, { timeout: 5_000 }).toContain("RUNNING 41");
    expect(await app.store.get(subject())).toMatchObject({ status: "RUNNING", jobId: null });

    await queue.wait(await queue.send(channelScan, subject()));
    expect(await rowIn(app.store, "SUCCEEDED")).toMatchObject({ messageCount: 3, backwardMessageId: "b40" });
    await expect(write("FINISHED", 1)).rejects.toThrow("scan_status_status_check");
  });

  it("lists the running scans of a guild", async () => {
    const app = await openApp();
    const { queue } = await startApp(app, {
      scan: async ({ data: { channelId }, signal }) => {
        if (channelId === "slow") await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return done;
      },
    });
    await queue.sendMany(["c1", "slow"].map((id) => ({ message: channelScan, data: subject(id) })));
    await rowIn(app.store, "SUCCEEDED");
    await rowIn(app.store, "RUNNING", subject("slow"));
    const { rows } = await app.store.list({ where: { guildId: "g1", status: ["PENDING", "RUNNING"] } });
    expect(rows.map(({ channelId }) => channelId)).toEqual(["slow"]);
  });
});
