import type { Worker } from "@org/queue";
import { perProcess } from "./per-process.ts";

interface Running {
  worker: Promise<Worker> | undefined;
  /** Changes of one moment are made one after another. */
  last: Promise<unknown>;
}

/** Milliseconds that running jobs of the worker before are given, when an edit replaces it. */
const STOP_TIMEOUT = 2_000;

/**
 * Starts a worker beside the app, in its process: for development without a second terminal, and for the embedded engine.
 * After an edit, the call of the new code stops the worker of the old one first: there is always one. Resolves once it
 * runs. Of jobs that are still running, those that don't finish within two seconds are given back.
 *
 * @example
 * // instrumentation.ts
 * export async function register() {
 *   if (process.env.NEXT_RUNTIME === "nodejs") await (await import("./lib/worker")).startWorker();
 * }
 * // lib/worker.ts
 * export const startWorker = () => embeddedWorker(() => createWorker(queue).handle(planCreate, savePlan));
 */
export function embeddedWorker(create: () => Worker | Promise<Worker>): Promise<Worker> {
  const running = perProcess<Running>("embedded worker", () => ({
    worker: undefined,
    last: Promise.resolve(),
  }));
  const started = running.last.then(async () => {
    const before = await running.worker?.catch(() => undefined);
    await before?.stop({ timeout: STOP_TIMEOUT });
    running.worker = Promise.resolve(create()).then(async (worker) => {
      await worker.start();
      return worker;
    });
    return running.worker;
  });
  running.last = started.catch(() => undefined);
  return started;
}
