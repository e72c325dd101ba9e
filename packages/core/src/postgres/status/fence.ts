import { type SQL, sql } from "drizzle-orm";
import { alias, type PgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../database.ts";
import type { AnyStatusTable, StatusTableParts } from "./table.ts";
import { type JobWrite, RANKS, type SubjectWrite } from "./transition.ts";

/** Maximum number of rows per statement. Postgres takes 65,535 parameters, and a row has a few dozen at most. */
export const MAX_ROWS = 200;

/**
 * Writes rows in one statement. A write is skipped if the row is newer:
 *
 * - a row without a `job_id` belongs to no job, and is always overwritten;
 * - of two jobs, the one sent later wins; if both were sent in one millisecond, the one with the greater id;
 * - of two transitions of a job, the one with the greater epoch wins; within an epoch, the one with the greater rank.
 *
 * This is a total order, so writes may come late, twice and in any order, and the newest one stands. Postgres compares
 * with the locked row, so nothing happens between the comparison and the write.
 *
 * All writes must set the same fields and have different keys, and there are at most `MAX_ROWS`.
 */
export async function writeSubjects(
  db: Database,
  table: AnyStatusTable,
  parts: StatusTableParts,
  writes: readonly SubjectWrite[],
): Promise<void> {
  const first = writes[0];
  if (!first) return;
  const fieldNames = Object.keys(first.fields);
  const next = alias(table, "excluded") as unknown as Readonly<Record<string, PgColumn>>;
  const now = parts.columns;
  const isSameJob = sql`${now.jobId!} = ${next.jobId!}`;
  const set: Record<string, SQL> = {
    status: sql`${next.status!}`,
    jobId: sql`${next.jobId!}`,
    epoch: sql`${next.epoch!}`,
    errorMessage: sql`${next.errorMessage!}`,
    createdAt: sql`${next.createdAt!}`,
    startedAt: sql`coalesce(${next.startedAt!}, case when ${isSameJob} then ${now.startedAt!} end)`,
    finishedAt: sql`${next.finishedAt!}`,
    updatedAt: sql`clock_timestamp()`,
  };
  for (const name of fieldNames) set[name] = sql`${next[name]!}`;

  const isYounger = sql`(${now.createdAt!}, ${bytewise(now.jobId!)}) < (${next.createdAt!}, ${bytewise(next.jobId!)})`;
  const repeats = fieldNames.length > 0 ? sql`true` : sql`${now.status!} <> ${next.status!}`;
  await db
    .insert(table)
    .values(writes.map(toRow))
    .onConflictDoUpdate({
      target: [...parts.keyColumns],
      set,
      setWhere: sql`${now.jobId!} is null
        or (${isSameJob} and ${isNotLater(now, { epoch: sql`${next.epoch!}`, status: sql`${next.status!}` }, repeats)})
        or (${now.jobId!} <> ${next.jobId!} and ${isYounger})`,
    });
}

/**
 * The same fence for a transition of which only the job is known. Rows of other jobs aren't changed. Writes one row per
 * statement: `writeSubjects` locks rows in key order, the key is unknown here, and locking in another order may
 * deadlock.
 */
export async function writeJob(
  db: Database,
  table: AnyStatusTable,
  { columns }: StatusTableParts,
  { jobId, status, epoch, errorMessage, startedAt, finishedAt }: JobWrite,
): Promise<void> {
  const next = { epoch: sql`${epoch}::int`, status: sql`${status}::text` };
  await db.execute(sql`
    update ${table} set status = ${next.status}, epoch = ${next.epoch},
      error_message = ${cleanText(errorMessage)}::text,
      started_at = coalesce(${isoTime(startedAt)}::timestamptz, ${columns.startedAt!}),
      finished_at = ${isoTime(finishedAt)}::timestamptz, updated_at = clock_timestamp()
    where ${columns.jobId!} = ${jobId}::text
      and ${isNotLater(columns, next, sql`${columns.status!} <> ${next.status}`)}`);
}

/** Whether the row's step isn't later than the written one. An equal step is written again if `repeats` is true. */
function isNotLater(
  row: Readonly<Record<string, PgColumn>>,
  next: { readonly epoch: SQL; readonly status: SQL },
  repeats: SQL,
): SQL {
  const rowStep = sql`(${row.epoch!}, ${rank(sql`${row.status!}`)})`;
  const nextStep = sql`(${next.epoch}, ${rank(next.status)})`;
  return sql`(${rowStep} < ${nextStep} or (${rowStep} = ${nextStep} and ${repeats}))`;
}

function rank(status: SQL): SQL {
  return sql`(case ${status} when 'RUNNING' then ${sql.raw(`${RANKS.RUNNING}`)} when 'PENDING' then ${sql.raw(`${RANKS.PENDING}`)} else ${sql.raw(`${RANKS.FAILED}`)} end)`;
}

/** Compares ids byte by byte, whatever the collation of the database. */
function bytewise(column: PgColumn): SQL {
  return sql`${column} collate "C"`;
}

function toRow({
  key,
  fields,
  jobId,
  sentAt,
  status,
  epoch,
  ...rest
}: SubjectWrite): Record<string, unknown> {
  return {
    ...fields,
    ...key,
    status,
    jobId,
    epoch,
    errorMessage: cleanText(rest.errorMessage),
    createdAt: sentAt,
    startedAt: rest.startedAt ?? null,
    finishedAt: rest.finishedAt ?? null,
  };
}

/** Postgres rejects NUL in text. */
function cleanText(text: string | undefined): string | null {
  return text?.replaceAll("\0", "") ?? null;
}

function isoTime(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}
