import type { Engine } from "../engine/engine.ts";
import { isTerminal, type JobState } from "../engine/state-machine.ts";
import type { Logger } from "../logging/logger.ts";

let hasWarned = false;

/** Warns once per process that a queue in production was given no engine. */
export function warnOfEmbeddedInProduction(logger: Logger): void {
  const env = globalThis.process?.env ?? {};
  // `next build` loads the app's modules as in production, and sends nothing.
  if (env.NODE_ENV !== "production" || env.NEXT_PHASE === "phase-production-build" || hasWarned) return;
  hasWarned = true;
  logger.warn(
    "createQueue was given no engine, so its jobs live in this process only and are lost when it ends. " +
      "Pass `engine: engineFromEnv()` and set REDIS_URL; or `engine: memoryEngine()` if that is meant.",
  );
}

/** Says how many unfinished jobs end with an embedded engine that is about to be closed. */
export async function reportDroppedJobs(engine: Engine, logger: Logger): Promise<void> {
  if (!engine.embedded || !engine.queues) return;
  const counts = await engine.queues.counts().catch(() => []);
  let dropped = 0;
  for (const { states } of counts) {
    for (const [state, n] of Object.entries(states)) if (!isTerminal(state as JobState)) dropped += n;
  }
  if (dropped === 0) return;
  logger.warn(
    `The queue was closed with ${dropped} unfinished ${dropped === 1 ? "job" : "jobs"} on the embedded engine: ` +
      "dropped. Wait for them before closing, or keep jobs in Redis (`engineFromEnv()` with REDIS_URL).",
  );
}
