import type { JobTable } from "./job-table.ts";

export interface TableFacts {
  sent: number;
  acknowledged: number;
  completed: number;
  failed: number;
  /** Jobs that ended without a reply. */
  unconfirmed: number;
  cancelled: number;
}

/**
 * Checks the invariants over columns instead of histories: nothing acknowledged is lost, one accepted ending per job,
 * no dependent starts early, each one ends, ordering keys keep their order.
 *
 * @param stored the states of stored jobs, by id
 */
export function checkTable(
  table: JobTable,
  stored: ReadonlyMap<string, string>,
  report: (problem: string) => void,
): TableFacts {
  const facts: TableFacts = {
    sent: 0,
    acknowledged: 0,
    completed: 0,
    failed: 0,
    unconfirmed: 0,
    cancelled: 0,
  };
  for (let index = 0; index < table.length; index++) {
    if (!table.isSent(index)) continue;
    facts.sent++;
    if (table.isAcknowledged(index)) facts.acknowledged++;
    const outcome = table.outcome(index);
    if (outcome === "c") facts.completed++;
    else if (outcome === "f") facts.failed++;
    else if (outcome === "x") facts.cancelled++;
    else if (!Number.isNaN(table.endedAt(index))) facts.unconfirmed++;
    else if (isCancelled(table, index, stored)) facts.cancelled++;
    else if (table.isAcknowledged(index)) {
      const state = stored.get(table.idOf(index)) ?? "gone";
      report(`${table.idOf(index)} was acknowledged, but never ended, and is ${state}`);
    }
    if (table.endings(index) > 1) report(`${table.idOf(index)} ended ${table.endings(index)} times`);
    if (!Number.isNaN(table.claimedAt(index))) checkDependencies(table, index, report);
  }
  for (const [key, line] of table.byKey) checkLine(table, key, line, report);
  return facts;
}

/** Whether a job was cancelled before it started, by its producer or because of a dependency. */
function isCancelled(table: JobTable, index: number, stored: ReadonlyMap<string, string>): boolean {
  if (table.isCancelAsked(index) || stored.get(table.idOf(index)) === "cancelled") return true;
  const edges = table.dependencies.get(index) ?? [];
  return edges.some(({ on, policy }) => policy === "c" && endedBadly(table, on, stored));
}

function endedBadly(table: JobTable, index: number, stored: ReadonlyMap<string, string>): boolean {
  const outcome = table.outcome(index);
  if (outcome !== undefined) return outcome !== "c";
  // An outcome whose reply was lost may have been a failure.
  return !Number.isNaN(table.endedAt(index)) || isCancelled(table, index, stored);
}

function checkDependencies(table: JobTable, index: number, report: (problem: string) => void): void {
  for (const { on, policy } of table.dependencies.get(index) ?? []) {
    const end = table.endedAt(on);
    const [id, other] = [table.idOf(index), table.idOf(on)];
    if (table.claimedAt(index) < end) report(`${id} was claimed before ${other} had ended`);
    if (Number.isNaN(end) && policy !== "r") report(`${id} was claimed, and ${other} never completed`);
    const outcome = table.outcome(on);
    if (policy === "c" && outcome !== undefined && outcome !== "c") {
      report(`${id} was claimed, but its dependency ${other} didn't complete`);
    }
  }
}

/** One producer sends all jobs of a key, one burst after the other, so the table is in send order. */
function checkLine(
  table: JobTable,
  key: string,
  line: readonly number[],
  report: (problem: string) => void,
): void {
  let before: number | undefined;
  for (const index of line) {
    // A job that is cancelled between two attempts ends without an outcome.
    if (Number.isNaN(table.claimedAt(index)) || table.isCancelAsked(index)) continue;
    if (before !== undefined && !followed(table, before, index)) {
      report(`${table.idOf(index)} of key ${key} ran before ${table.idOf(before)} had ended`);
    }
    before = index;
  }
}

/** Reserved jobs are claimed with the one ahead, and end after it. */
function followed(table: JobTable, before: number, index: number): boolean {
  const end = table.endedAt(before);
  const [turn, ownEnd] = [table.turnAt(index), table.endedAt(index)];
  if (!Number.isNaN(turn) && !(end <= turn)) return false;
  return Number.isNaN(ownEnd) || end <= ownEnd;
}
