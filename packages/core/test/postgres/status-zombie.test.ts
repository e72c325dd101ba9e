import { startRedis } from "@org/test-servers";
import { expect, test } from "vitest";
import { redisEngine } from "../../src/redis/index.ts";
import { ChildProgram } from "./child-program.ts";
import { channelScan, openStore, rowIn, startApp, subject } from "./scan-status-support.ts";
import { createTable, scanStatus } from "./status-support.ts";
import type { ZombieConfig } from "./status-zombie-worker.ts";
import { cleanups, createDatabase, openNodePostgres } from "./support.ts";

test("a worker that was frozen past its lease never overwrites the row of the next attempt", {
  timeout: 40_000,
}, async () => {
  const [redis, databaseUrl] = await Promise.all([startRedis(), createDatabase()]);
  cleanups.push(() => redis.stop());
  const db = openNodePostgres(databaseUrl);
  await createTable(db, scanStatus);
  const app = openStore(db);
  const namespace = "zombie";
  const engine = redisEngine({ url: redis.url, namespace });
  cleanups.push(() => engine.core.close());
  const zombie = new ChildProgram("status-zombie-worker.ts", {
    databaseUrl,
    redisUrl: redis.url,
    namespace,
  } satisfies ZombieConfig);
  await zombie.said("started");
  const { queue } = await startApp(app, { engine });
  await queue.send(channelScan, subject());
  await zombie.said("running");
  await rowIn(app.store, "RUNNING");
  zombie.signal("SIGSTOP");

  const successor = { scanned: 7, lastMessageId: "successor" };
  await startApp(app, { engine, worker: { lease: "1s" }, scan: async () => successor });
  const row = await rowIn(app.store, "SUCCEEDED");
  expect(row).toMatchObject({ messageCount: 7, forwardMessageId: "successor", epoch: 2 });

  zombie.signal("SIGCONT");
  await zombie.said("ended");
  expect(await app.store.get(subject())).toEqual(row);
});
