import { expect } from "vitest";
import {
  createQueue,
  createRegistry,
  createWorker,
  type Engine,
  type Handler,
  memoryEngine,
  type QueueOptions,
  type WorkerOptions,
} from "../../src/index.ts";
import type { Database } from "../../src/postgres/database.ts";
import { createStatusStore } from "../../src/postgres/status/store.ts";
import { channelScan, guildSync, type ScanOptions, type ScanStore, scanTracking } from "./scan-status-app.ts";
import { scanStatus as table } from "./status-support.ts";
import { cleanups } from "./support.ts";

export { channelScan, guildSync, type ScanOptions, type ScanStore, scanTracking } from "./scan-status-app.ts";

const registry = createRegistry([channelScan, guildSync]);
type Messages = (typeof registry)["messages"][number];

/** Errors reported to the app by the store and its tracking. */
export interface ScanApp {
  readonly store: ScanStore;
  readonly errors: unknown[];
}

export function openStore(db: Database): ScanApp {
  const errors: unknown[] = [];
  const store = createStatusStore({ db, table, onError: (error) => errors.push(error) });
  cleanups.push(() => store.close());
  return { store, errors };
}

/** One process of the app: a queue, and a worker if there is a handler. */
export async function startApp(
  app: ScanApp | undefined,
  parts: {
    readonly engine?: Engine;
    readonly scan?: Handler<typeof channelScan>;
    readonly sync?: Handler<typeof guildSync>;
    readonly options?: Partial<ScanOptions>;
    readonly worker?: WorkerOptions;
    readonly queue?: Partial<QueueOptions<Messages>>;
  } = {},
) {
  const engine = parts.engine ?? memoryEngine();
  const middleware = app ? [scanTracking(app.store, parts.options)] : [];
  const queue = createQueue({ registry, engine, middleware, ...parts.queue });
  cleanups.push(() => queue.close());
  const quiet = { warn: () => {}, error: () => {} };
  const worker = createWorker(queue, {
    maintenanceInterval: 50,
    pollInterval: 50,
    logger: quiet,
    ...parts.worker,
  });
  if (parts.scan) worker.handle(channelScan, parts.scan);
  if (parts.sync) worker.handle(guildSync, parts.sync);
  if (parts.scan || parts.sync) {
    cleanups.push(() => worker.stop({ timeout: 0 }));
    await worker.start();
  }
  return { engine, queue, worker };
}

export const subject = (channelId = "c1") => ({ guildId: "g1", channelId });

/** Resolves with the row once it is in a status. */
export async function rowIn(store: ScanStore, status: string, key = subject(), timeout = 8_000) {
  await expect.poll(async () => (await store.get(key))?.status, { timeout, interval: 5 }).toBe(status);
  return (await store.get(key))!;
}
