import { describe, expect, it } from "vitest";
import { type JobHandle, memoryEngine, UnrecoverableError } from "../../src/index.ts";
import { channelScan, openStore, startApp, subject } from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import { drivers } from "./support.ts";

/** `STATUS_FIRE_JOBS=10000` sends 10,000 jobs to a hundredth as many subjects. */
const JOBS = Number(process.env.STATUS_FIRE_JOBS ?? 400);
const SUBJECTS = Math.max(4, Math.floor(JOBS / 100));
const WORKERS = 4;

const STATUSES = { completed: "SUCCEEDED", failed: "FAILED", cancelled: "CANCELLED" } as const;

describe.each(drivers)("many jobs on few subjects, on $name", ({ open }) => {
  it(
    "leave each row as its newest job ended",
    async () => {
      const { db } = await open();
      await createTable(db, scanStatus);
      const engine = memoryEngine();
      const apps = await Promise.all(
        Array.from({ length: WORKERS }, async (_, worker) => {
          const app = openStore(db);
          const { queue } = await startApp(app, {
            engine,
            scan: async ({ data, job, progress }) => {
              progress({ scanned: worker, lastMessageId: job.id });
              await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
              const chance = Math.random();
              if (chance < 0.2) throw new Error(`${data.channelId} can't be read now`);
              if (chance < 0.3) throw new UnrecoverableError(`${data.channelId} is gone`);
              return { scanned: worker, lastMessageId: job.id };
            },
          });
          return { app, queue };
        }),
      );
      const sent: JobHandle[] = [];
      while (sent.length < JOBS) {
        const { queue } = apps[sent.length % WORKERS]!;
        const burst = Math.min(1 + Math.floor(Math.random() * 20), JOBS - sent.length);
        const channels = Array.from({ length: burst }, () => `c${Math.floor(Math.random() * SUBJECTS)}`);
        sent.push(...(await Promise.all(channels.map((id) => queue.send(channelScan, subject(id))))));
        if (Math.random() < 0.5) await queue.cancelMany(sent.slice(-2));
      }
      const { queue, app } = apps[0]!;
      await Promise.all(sent.map((job) => queue.wait(job).catch(() => undefined)));

      const newest = new Map<string, { id: string; sentAt: Date; status: string }>();
      for (const { id } of sent) {
        const snapshot = (await queue.get(id)) as {
          sentAt: Date;
          state: keyof typeof STATUSES;
          data: { channelId: string };
        };
        const { sentAt, state, data } = snapshot;
        const best = newest.get(data.channelId);
        const isNewer =
          !best || best.sentAt < sentAt || (best.sentAt.getTime() === sentAt.getTime() && best.id < id);
        if (isNewer) newest.set(data.channelId, { id, sentAt, status: STATUSES[state] });
      }
      const expected = [...newest].map(([channelId, { id, status }]) => [channelId, id, status]).sort();
      const rows = async () => {
        const { rows: found } = await app.store.list({ limit: 1_000 });
        return found.map(({ channelId, jobId, status }) => [channelId, jobId, status]).sort();
      };
      await expect.poll(rows, { timeout: 10_000, interval: 50 }).toEqual(expected);
      expect(apps.flatMap((each) => each.app.errors)).toEqual([]);
    },
    60_000 + JOBS * 20,
  );
});
