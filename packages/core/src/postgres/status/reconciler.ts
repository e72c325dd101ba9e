import { type SQL, sql } from "drizzle-orm";
import type { Engine } from "../../engine/engine.ts";
import { facetOf } from "../../engine/facet.ts";
import type { JobRecord } from "../../engine/job.ts";
import { isTerminal, type TerminalState } from "../../engine/state-machine.ts";
import { queryRows, withTypedErrors } from "../database.ts";
import { isolateRefused } from "../refused-rows.ts";
import { refusedRow } from "./row-writer.ts";
import { StatementTimeout } from "./statement-timeout.ts";
import type { StatusStore } from "./store.ts";
import type { Status } from "./table.ts";
import type { Tracker } from "./tracker.ts";

/** Rows per query and per turn. The rest of a large table is scanned in the next turn. */
const PAGE = 500;
const MAX_ROWS_PER_TURN = 5_000;
/** Rows written more recently than this are skipped, in milliseconds: their next write may be on its way. */
const MIN_ROW_AGE = 2_000;

const GONE =
  "The engine no longer knows the job. It was removed, or trimmed before its outcome could be written here.";

/** How to end the row of a job that the engine has removed, by the state the job ended in. */
const ENDINGS: Readonly<Record<TerminalState, { readonly status: Status; readonly message: string | null }>> =
  {
    completed: { status: "SUCCEEDED", message: null },
    failed: { status: "FAILED", message: "The job failed. Its error is no longer stored." },
    cancelled: { status: "CANCELLED", message: "The job was cancelled. The reason is no longer stored." },
  };

export interface ReconcilerParts {
  readonly tracker: Tracker;
  readonly store: StatusStore;
  readonly engine: Engine;
  readonly interval: number;
  readonly goneAfter: number;
  readonly onError: (error: unknown) => void;
}

interface UnfinishedRow {
  readonly jobId: string;
  readonly epoch: number;
  readonly status: Status;
  /** As text, because a Date has no microseconds. */
  readonly updatedAt: string;
}

interface EndedRow extends UnfinishedRow {
  readonly message: string | null;
}

/**
 * Compares unfinished rows with their jobs, and repairs rows that missed a transition: a worker died between the end of
 * a job and the write of its row, or Postgres was away for longer than the worker lived.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #statementTimeout = new StatementTimeout();
  /** When each job was first found gone, by id. */
  readonly #goneSince = new Map<string, number>();
  /** Jobs whose rows Postgres refused to update. */
  readonly #refused = new Set<string>();
  #after: UnfinishedRow | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: Promise<void> | undefined;
  #isFailing = false;
  #isStopped = false;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  start(): void {
    if (!this.#parts.engine.inspect || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#turn = this.#run().then(() => this.start());
    }, this.#parts.interval).unref();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#turn;
  }

  async #run(): Promise<void> {
    const { store, onError } = this.#parts;
    try {
      await this.#scan();
      this.#isFailing = false;
      store.outages.answered();
    } catch (error) {
      if (!this.#isFailing) store.outages.failed(error, onError);
      this.#isFailing = true;
    }
  }

  async #scan(): Promise<void> {
    for (let seen = 0; seen < MAX_ROWS_PER_TURN && !this.#isStopped; seen += PAGE) {
      const rows = await this.#read();
      this.#after = rows.length < PAGE ? undefined : rows.at(-1);
      if (rows.length > 0) await this.#reconcileRows(rows);
      if (rows.length < PAGE) return;
    }
  }

  async #reconcileRows(rows: readonly UnfinishedRow[]): Promise<void> {
    const { engine } = this.#parts;
    const records = await facetOf(engine, "inspect").get(rows.map(({ jobId }) => ({ id: jobId })));
    const gone: UnfinishedRow[] = [];
    for (const [index, row] of rows.entries()) {
      const record = records[index];
      if (!record) gone.push(row);
      else {
        this.#goneSince.delete(row.jobId);
        await this.#reconcileRow(row, record);
      }
    }
    await this.#endGoneRows(gone);
  }

  async #reconcileRow(row: UnfinishedRow, record: JobRecord): Promise<void> {
    const { tracker, store } = this.#parts;
    if (record.envelope.messageType !== tracker.message.name || isUpToDate(row, record)) return;
    const write = await tracker.toWrite(record);
    if ("key" in write) store.writer.put(write, true);
    else store.writer.putJob(write);
  }

  #goneLongEnough(gone: readonly UnfinishedRow[]): readonly UnfinishedRow[] {
    const { goneAfter } = this.#parts;
    const now = performance.now();
    for (const [jobId, since] of this.#goneSince)
      if (since < now - 10 * goneAfter) this.#goneSince.delete(jobId);
    return gone.filter(({ jobId }) => {
      const since = this.#goneSince.get(jobId) ?? now;
      this.#goneSince.set(jobId, since);
      return now - since >= goneAfter;
    });
  }

  /** Ends the rows of removed jobs as the engine remembers them. Jobs that it doesn't remember fail after a while. */
  async #endGoneRows(gone: readonly UnfinishedRow[]): Promise<void> {
    if (gone.length === 0) return;
    const remembered = await facetOf(this.#parts.engine, "inspect").remembered(
      gone.map(({ jobId }) => ({ id: jobId })),
    );
    const ended = gone.flatMap((row, index): EndedRow[] => {
      const ending = remembered[index];
      return ending ? [{ ...row, ...ENDINGS[ending.state] }] : [];
    });
    const forgotten = this.#goneLongEnough(gone.filter((_, index) => !remembered[index]));
    const inOutbox = await this.#findInOutbox(forgotten.filter(({ epoch }) => epoch === 0));
    const lost = forgotten.filter(({ jobId }) => !inOutbox.has(jobId));
    await this.#writeEndings([
      ...ended,
      ...lost.map((row): EndedRow => ({ ...row, status: "FAILED", message: GONE })),
    ]);
  }

  async #writeEndings(rows: readonly EndedRow[]): Promise<void> {
    const name = this.#parts.store.parts.name;
    const write = async (some: readonly EndedRow[]) => {
      await this.#updateEndings(some);
      for (const { jobId } of some) this.#goneSince.delete(jobId);
    };
    const left = rows.filter(({ jobId }) => !this.#refused.has(jobId));
    await isolateRefused(left, write, (row, error) => {
      // Skipped from now on: it would be refused and reported in every turn.
      this.#refused.add(row.jobId);
      this.#parts.onError(refusedRow(name, row, error));
    });
  }

  /** Changes only rows that haven't changed since they were read. */
  async #updateEndings(rows: readonly EndedRow[]): Promise<void> {
    const { table, parts } = this.#parts.store;
    const { jobId, epoch } = parts.columns;
    await this.#query(sql`
      update ${table} set status = ended.status, error_message = ended.message, finished_at = clock_timestamp(),
        updated_at = clock_timestamp()
      from (values ${sql.join(
        rows.map(
          (row) => sql`(${row.jobId}::text, ${row.epoch}::int, ${row.status}::text, ${row.message}::text)`,
        ),
        sql`, `,
      )}) as ended(job_id, epoch, status, message)
      where ${jobId!} = ended.job_id and ${epoch!} = ended.epoch and ${isUnfinished(parts.columns.status!)}`);
  }

  /** Jobs sent with `tx` aren't in the engine until the relay has moved them, however long that takes. */
  async #findInOutbox(rows: readonly UnfinishedRow[]): Promise<ReadonlySet<string>> {
    if (rows.length === 0) return new Set();
    const outboxes = await this.#query<{ schema: string }>(sql`
      select n.nspname as schema from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname = 'queue_outbox' and c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'select')
        and has_schema_privilege(n.oid, 'usage')`);
    const ids = sql.join(
      rows.map(({ jobId }) => sql`${jobId}::text`),
      sql`, `,
    );
    const found = new Set<string>();
    for (const { schema } of outboxes) {
      const outbox = sql`${sql.identifier(schema)}.${sql.identifier("queue_outbox")}`;
      const held = await this.#query<{ id: string }>(sql`select id from ${outbox} where id in (${ids})`);
      for (const { id } of held) found.add(id);
    }
    return found;
  }

  /** Skips unfinished rows with a `finished_at`: the app has changed them by hand. */
  #read(): Promise<UnfinishedRow[]> {
    const { table, parts } = this.#parts.store;
    const { jobId, epoch, status, finishedAt, updatedAt } = parts.columns;
    const after = this.#after;
    const isBehind = after
      ? sql`and (${updatedAt!}, ${jobId!}) > (${after.updatedAt}::timestamptz, ${after.jobId}::text)`
      : sql``;
    return this.#query<UnfinishedRow>(sql`
      select ${jobId!} as "jobId", ${epoch!} as epoch, ${status!} as status, ${updatedAt!}::text as "updatedAt"
      from ${table}
      where ${isUnfinished(status!)} and ${jobId!} is not null and ${finishedAt!} is null
        and ${updatedAt!} < clock_timestamp() - ${sql.raw(`interval '${MIN_ROW_AGE} milliseconds'`)} ${isBehind}
      order by ${updatedAt!}, ${jobId!} limit ${sql.raw(`${PAGE}`)}`);
  }

  #query<Row>(query: SQL): Promise<Row[]> {
    const { db, parts } = this.#parts.store;
    return withTypedErrors(`The status table ${parts.name}`, () =>
      this.#statementTimeout.run(() => queryRows<Row>(db, query)),
    );
  }
}

/** Must match the condition of the partial index of status tables. */
function isUnfinished(status: { getSQL(): SQL }): SQL {
  return sql`${status} in ('PENDING', 'RUNNING')`;
}

function isUpToDate({ status, epoch }: UnfinishedRow, record: JobRecord): boolean {
  if (isTerminal(record.state)) return false;
  if (record.state === "active") return status === "RUNNING" && epoch === record.epoch;
  return status === "PENDING";
}
