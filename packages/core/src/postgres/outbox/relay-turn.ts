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
  /** Maximum number of rows to move. */
  readonly batch: number;
  /** Waits for the engine, up to a timeout. */
  readonly withEngineTimeout: <T>(answer: Promise<T>) => Promise<T>;
}

/** A job that the engine refused. */
export interface Refusal {
  readonly id: string;
  /** `undefined` if the row isn't a valid job. */
  readonly job: NewJob | undefined;
  readonly hasOrderingKey: boolean;
  readonly error: string;
  /** Including this one. */
  readonly tries: number;
  /** Milliseconds since the row was stored. */
  readonly age: number;
  /** Milliseconds until the next try. */
  readonly pause: number;
}

export interface TurnReport {
  readonly moved: number;
  readonly refusals: readonly Refusal[];
  /** Ordering keys whose next rows another relay has locked. */
  readonly busy: ReadonlySet<string>;
  /** Whether there may be more rows to move right away. */
  readonly isFull: boolean;
}

interface RowEntry extends OutboxEntry {
  readonly row: ClaimedRow;
}

/**
 * Moves the next jobs of the outbox, in one transaction. If the relay dies before its end, the rows stay, and the
 * engine recognises jobs that come again by their ids.
 *
 * Ordering keys keep their order with any number of relays: a row moves only together with, or after, all earlier rows
 * of its key in this turn's snapshot. A row that the snapshot misses was committed later, by an overlapping
 * transaction, and between overlapping transactions there is no order to keep.
 */
export function takeTurn(parts: TurnParts, busy: Iterable<string>): Promise<TurnReport> {
  const { db, table, engine, batch, withEngineTimeout } = parts;
  // With stricter isolation, two relays that meet would fail instead of skipping each other's rows.
  return inTransaction(db, async (tx, isLost): Promise<TurnReport> => {
    const rows = await table.claim(tx, batch, busy);
    const { entries, unreadable, blocked, isCut } = sortRows(rows);
    const { stored, refused } = await publish(engine, entries, withEngineTimeout);
    if (isLost())
      throw new QueueError("DATABASE_UNAVAILABLE", "The relay lost its connection during a turn.");
    const refusals = [
      ...unreadable.map((row) => toRefusal(row, undefined, "The row isn't a valid job.")),
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
  /** Whether rows were left for the next turn because this one is full. */
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

/** The job, with its delay counted from when it was stored. `undefined` if the row was tampered with. */
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
