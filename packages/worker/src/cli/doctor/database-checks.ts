import type { Finding, Queue } from "@org/queue";
import type { LoadedConfig } from "../../config/load-config.ts";
import { openDatabase } from "../../config/open-config.ts";
import { formatCount, formatDuration } from "../output/figures.ts";
import { isReachable } from "./engine-checks.ts";
import { ok, skipped, warning } from "./report.ts";

/** Milliseconds that a committed job may wait in the outbox: a relay polls every second. */
const MAX_OUTBOX_AGE = 30_000;

/** The database that the config names, and the outbox of its queue. */
export async function checkDatabase(
  loaded: LoadedConfig,
  queue: Queue | undefined,
): Promise<readonly Finding[]> {
  const database = await openDatabase(loaded);
  const findings: Finding[] = [];
  if (database) {
    const { diagnoseDatabase } = await import("@org/queue/postgres");
    const { db, ...options } = database;
    findings.push(...(await diagnoseDatabase(db as never, options as never)));
  }
  const isAway = !isReachable(findings);
  const backlog = isAway ? null : ((await queue?.outboxBacklog()) ?? null);
  if (backlog) {
    if (!database)
      findings.push(
        skipped("database", "The config has no `database`: migrations and rights weren't looked at."),
      );
    findings.push(describeBacklog(backlog));
  }
  return findings;
}

function describeBacklog({ jobs, oldest = 0 }: { readonly jobs: number; readonly oldest?: number }): Finding {
  if (jobs === 0) return ok("outbox", "Empty: all that was sent in transactions has reached the engine.");
  const text = `${formatCount(jobs)} ${jobs === 1 ? "job waits" : "jobs wait"}, the first for ${formatDuration(oldest)}.`;
  if (oldest < MAX_OUTBOX_AGE) return ok("outbox", text);
  return warning(
    "outbox",
    text,
    "Start a worker, which runs a relay, and look at what it logs of the outbox.",
  );
}
