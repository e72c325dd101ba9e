import type { Engine } from "../../engine/engine.ts";
import type { NewJob } from "../../engine/job.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import type { Database } from "../database.ts";
import { inTransaction } from "../transaction.ts";
import type { ClaimedRow, OutboxTable } from "./outbox-table.ts";
import { type OutboxEntry, publish } from "./publish.ts";

const REFUSAL_BACKOFF = { first: 50, max: 30_000 };

export interface TurnParts {
  readonly db: Database;
  readonly table: OutboxTable;
  readonly engine: Engine;
  /** Most rows to move. */
  readonly batch: number;
  /** Waits for the engine, but not for ever. */
  readonly withEngineTimeout: <T>(answer: Promise<T>) => Promise<T>;
}

/** A job that the engine has refused. */
export interface Refusal {
  readonly id: string;
  /** Undefined when the row isn't a job. */
  readonly job: NewJob | undefined;
  readonly hasOrderingKey: boolean;
  readonly error: string;
  /** This one included. */
  readonly tries: number;
  /** Milliseconds since it was stored. */
  readonly age: number;
  /** Milliseconds until the next try. */
  readonly pause: number;
}

export interface TurnReport {
  readonly moved: number;
  readonly refusals: readonly Refusal[];
  /** Ordering keys whose next rows are in another relay's hands. */
  readonly busy: ReadonlySet<string>;
  /** Whether there may be more to move at once. */
  readonly isFull: boolean;
}

interface RowEntry extends OutboxEntry {
  readonly row: ClaimedRow;
}

/**
 * Moves what is next in the outbox, in one transaction: a relay that dies before its end has moved nothing, as far as
 * the table knows, and the engine tells the jobs that come again by their ids.
 *
 * The order of an ordering key holds with any number of relays: a row is moved only together with, or after, all rows
 * of its key before it that this turn's snapshot shows. What that snapshot doesn't show was committed later than the
 * row itself, by a transaction that overlapped with the row's: between the two nobody has promised an order.
 */
export function takeTurn(parts: TurnParts, busy: Iterable<string>): Promise<TurnReport> {
  const { db, table, engine, batch, withEngineTimeout } = parts;
  // In stricter isolation two relays that meet would fail, instead of passing each other.
  return inTransaction(db, async (tx, isLost): Promise<TurnReport> => {
    const rows = await table.claim(tx, batch, busy);
    const { entries, unreadable, blocked, isCut } = sortRows(rows);
    const { stored, refused } = await publish(engine, entries, withEngineTimeout);
    if (isLost()) throw new QueueError("DATABASE_UNAVAILABLE", "The connection was lost during the turn.");
    const refusals = [
      ...unreadable.map((row) => toRefusal(row, undefined, "What is stored isn't a job.")),
      ...refused.map(({ entry: { row, job }, error }) => toRefusal(row, job, error)),
    ];
    if (stored.length > 0)
      await table.remove(
        tx,
        stored.map(({ position }) => position),
      );
    if (refusals.length > 0) await table.refuse(tx, refusals);
    return { moved: stored.length, refusals, busy: blocked, isFull: isCut || rows.length === batch };
  });
}

interface SortedRows {
  readonly entries: readonly RowEntry[];
  readonly unreadable: readonly ClaimedRow[];
  readonly blocked: ReadonlySet<string>;
  /** Whether rows were left for the next turn, since this one has enough to carry. */
  readonly isCut: boolean;
}

function sortRows(rows: readonly ClaimedRow[]): SortedRows {
  const entries: RowEntry[] = [];
  const unreadable: ClaimedRow[] = [];
  const blocked = new Set<string>();
  const taken = new Set<string>();
  for (const row of rows) {
    const { position, ordering, previous, job } = row;
    if (job === null) return { entries, unreadable, blocked, isCut: true };
    if (ordering !== null && previous !== null && !taken.has(previous)) {
      blocked.add(ordering);
      continue;
    }
    const parsed = readJob(row, job);
    if (parsed === undefined) {
      unreadable.push(row);
      continue;
    }
    entries.push({ position, ordering, job: parsed, row });
    taken.add(position);
  }
  return { entries, unreadable, blocked, isCut: false };
}

/** The job, its delay counted from when it was stored. Undefined when somebody else's hand was in the row. */
function readJob({ id, age }: ClaimedRow, text: string): NewJob | undefined {
  try {
    const job = JSON.parse(text) as NewJob;
    if (job.envelope.id !== id) return undefined;
    return job.delay > 0 ? { ...job, delay: Math.max(0, job.delay - age) } : job;
  } catch {
    return undefined;
  }
}

function toRefusal(row: ClaimedRow, job: NewJob | undefined, error: string): Refusal & { position: string } {
  const { position, id, ordering, tries, age } = row;
  const pause = backoffDelay(REFUSAL_BACKOFF, tries + 1);
  return { position, id, job, hasOrderingKey: ordering !== null, error, tries: tries + 1, age, pause };
}
