import { isTerminal, JOB_STATES, TERMINAL_STATES } from "@org/queue";
import type { CompleteEngine, JobRecord } from "@org/queue/engine";
import { HistoryChecker, mergeHistories } from "@org/queue/testing";
import { readHistory } from "../history/history-file.ts";
import { isHistoryEntry, type Line } from "../history/line.ts";
import type { Stage } from "../stage/stage.ts";
import { timesByJob } from "./attempts.ts";
import { type DataLoss, dropLostReplies, isNotExcused } from "./data-loss.ts";
import { drain } from "./drain.ts";
import { drainedKeyProblems, emptyKeyProblems } from "./keys.ts";
import { unifyTimestamps } from "./resent.ts";
import { resultProblems } from "./results.ts";
import { takeSnapshot } from "./snapshot.ts";
import { timingProblems } from "./timing.ts";

export interface AuditOptions {
  readonly eventsAreComplete: boolean;
  /** Set if the server lost data that it had acknowledged. */
  readonly loss: DataLoss | undefined;
}

/** Checks what must hold after any fault. @throws {Error} with a list of the violations. */
export async function audit(stage: Stage, options: AuditOptions): Promise<void> {
  await stage.killPrograms();
  await drain(stage);
  const snapshot = await takeSnapshot(stage.engine, options.eventsAreComplete);
  // The auditor subscribed first. Its events, in the engine's order, come before the histories of others.
  const written = stage.histories
    .map(readHistory)
    .toSorted((a, b) => Number(isEvents(b)) - Number(isEvents(a)));
  const parts = options.loss ? written.map((part) => dropLostReplies(part, options.loss!)) : written;

  const checker = new HistoryChecker();
  const entries = parts.map((part) => unifyTimestamps(part.filter(isHistoryEntry), snapshot.jobs));
  for (const entry of [...mergeHistories(entries), snapshot]) {
    checker.observe(entry);
  }
  const times = timesByJob(parts.flat());
  const problems = [
    ...checker.violations.map(({ rule, what }) => ({ rule, what })),
    ...[...timingProblems(times)].map((what) => ({ rule: "order by the processes' own clock", what })),
    ...[...resultProblems(snapshot.jobs, times)].map((what) => ({
      rule: "results are the accepted ones",
      what,
    })),
  ]
    .filter(options.loss ? isNotExcused(written.flat(), options.loss) : () => true)
    .map(({ rule, what }) => `${rule}: ${what}`);
  problems.push(...(await partitionProblems(stage.engine, snapshot.jobs)));
  problems.push(...(await drainedKeyProblems(stage.redis.admin, stage.namespace)));
  await removeAll(stage.engine);
  problems.push(...(await emptyKeyProblems(stage.redis.admin, stage.namespace)));
  stage.measured["jobs audited"] = snapshot.jobs.length;
  if (problems.length > 0) throw new Error(listed(problems));
}

function isEvents(part: readonly Line[]): boolean {
  return part[0]?.type === "event";
}

/** Each job is in exactly one state, by `list` and by `get`. */
async function partitionProblems(
  engine: CompleteEngine,
  all: readonly JobRecord[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  const seen = new Map<string, string>();
  for (const state of JOB_STATES) {
    let cursor: string | undefined;
    do {
      const page = await engine.inspect.list({
        filter: { states: [state] },
        fields: "summary",
        limit: 1_000,
        ...(cursor && { cursor }),
      });
      for (const { id } of page.jobs) {
        if (seen.has(id)) problems.push(`${id} is listed as ${seen.get(id)} and as ${state}`);
        seen.set(id, state);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  for (const { id, state } of all) {
    if (!isTerminal(state)) problems.push(`${id} is ${state} after the drain`);
    if (seen.get(id) !== state) problems.push(`${id} is ${state}, but listed as ${seen.get(id)}`);
  }
  return problems;
}

async function removeAll(engine: CompleteEngine): Promise<void> {
  for (const state of TERMINAL_STATES) {
    while ((await engine.operate.clean({ state, olderThan: 0, limit: 10_000 })) > 0);
  }
}

function listed(problems: readonly string[]): string {
  const shown = problems.slice(0, 10).map((problem) => `\n  - ${problem}`);
  const more = problems.length > 10 ? `\n  and ${problems.length - 10} more` : "";
  return `The audit found ${problems.length} problem(s):${shown.join("")}${more}`;
}
