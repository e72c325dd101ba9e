import { type SQL, sql } from "drizzle-orm";
import { alias, type PgColumn } from "drizzle-orm/pg-core";
import type { Database } from "../database.ts";
import type { AnyStatusTable, StatusTableParts } from "./table.ts";
import { type JobWrite, RANKS, type SubjectWrite } from "./transition.ts";

/** Rows of one statement. Postgres takes 65,535 parameters, and a row has a few dozen at most. */
export const MAX_ROWS = 200;

/**
 * Writes rows in one statement. Each is refused, and its row left as it is, when the row tells of something newer:
 *
 * - a row without a `job_id` is nobody's, and loses;
 * - of two jobs the one that was sent later wins, the greater id when both were sent in one millisecond;
 * - of two transitions of a job the one with the greater epoch wins, in an epoch the one of the greater rank.
 *
 * That is a total order, so writes may come late, twice and in any order, and the newest stands. Postgres compares
 * with the row as it is once it is locked, so nothing comes between the comparison and the write.
 *
 * All writes set the same fields, no two have the same key, and there are `MAX_ROWS` at most.
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
 * The same fence for a transition of which only the job is known: a row that doesn't have the job isn't touched. One
 * row a statement: `writeSubjects` locks its rows in the order of their keys, which nobody knows here, and whoever
 * locks several in another order may end in a deadlock with it.
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

/** Whether the row's step isn't later than the written one. An equal step is written again where `repeats` holds. */
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

/** Ids are compared byte by byte, whatever language the database sorts by. */
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

/** Postgres' text has no NUL. */
function cleanText(text: string | undefined): string | null {
  return text?.replaceAll("\0", "") ?? null;
}

function isoTime(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}
