import { writeSync } from "node:fs";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import { createQueue, createRegistry, createWorker } from "../../src/index.ts";
import { createStatusStore } from "../../src/postgres/index.ts";
import { redisEngine } from "../../src/redis/index.ts";
import { channelScan, scanTracking } from "./scan-status-app.ts";
import { scanStatus } from "./status-support.ts";

export interface ZombieConfig {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly namespace: string;
}

/** A worker in its own process, to be frozen. It exits with the process that started it. */
const { databaseUrl, redisUrl, namespace } = JSON.parse(process.argv[2]!) as ZombieConfig;
process.stdin.on("close", () => process.exit()).resume();

const report = (line: string) => writeSync(1, `${line}\n`);

const store = createStatusStore({
  db: drizzle(new pg.Pool({ connectionString: databaseUrl })),
  table: scanStatus,
});
const queue = createQueue({
  registry: createRegistry([channelScan]),
  engine: redisEngine({ url: redisUrl, namespace }),
  middleware: [scanTracking(store)],
});
const worker = createWorker(queue, { lease: "1s" }).handle(channelScan, async ({ progress, signal }) => {
  progress({ scanned: 1, lastMessageId: "before" });
  report("running");
  while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
  progress({ scanned: 2, lastMessageId: "zombie" });
  setImmediate(end);
  return { scanned: 2, lastMessageId: "zombie" };
});
await worker.start();
report("started");

/** Exits once all writes are done. */
async function end(): Promise<void> {
  await worker.stop();
  await store.close();
  report("ended");
}
