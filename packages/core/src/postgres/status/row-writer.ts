import { QueueError } from "../../errors/queue-error.ts";
import { withTypedErrors } from "../database.ts";
import { reasonOf } from "../database-errors.ts";
import { isolateRefused } from "../refused-rows.ts";
import type { PendingWrite } from "./backlog.ts";
import { writeJob, writeSubjects } from "./fence.ts";
import { StatementTimeout } from "./statement-timeout.ts";
import type { JobWrite, SubjectWrite } from "./transition.ts";
import type { StatusWriterParts } from "./writer.ts";

/** Number of remembered refusals, so that each is reported once. */
const MAX_REMEMBERED = 10_000;

/**
 * Writes rows of a status table. A row that Postgres rejects doesn't affect other rows, and a rejected field doesn't
 * affect the status of its row. Errors that aren't about a row are thrown, as typed errors.
 */
export class RowWriter {
  readonly #parts: StatusWriterParts;
  readonly #statementTimeout = new StatementTimeout();
  /** The refusals reported so far: a job, or a job and a field. */
  readonly #reported = new Set<string>();

  constructor(parts: StatusWriterParts) {
    this.#parts = parts;
  }

  /** Writes rows that set the same fields. Calls `onEnd` for each row that was written or refused. */
  writeSubjects(
    group: readonly PendingWrite[],
    onEnd: (pending: PendingWrite, isWritten: boolean) => void,
  ): Promise<void> {
    return isolateRefused(
      group,
      async (rows) => {
        await this.#write(rows.map(({ write }) => write));
        for (const pending of rows) onEnd(pending, true);
      },
      async (pending, error) => onEnd(pending, await this.#writeAccepted(pending.write, error)),
    );
  }

  /** Writes the row of a job whose key isn't known. */
  writeJob(job: JobWrite): Promise<void> {
    const { db, table, parts } = this.#parts;
    return isolateRefused(
      [job],
      () => this.#run(() => writeJob(db, table, parts, job)),
      (_, error) => this.#reportRow(job, error),
    );
  }

  /** Writes a refused row again, without the refused fields. Returns whether its status was accepted. */
  async #writeAccepted(write: SubjectWrite, refusal: unknown): Promise<boolean> {
    const fields = Object.entries(write.fields);
    const writeFields = (some: readonly (readonly [string, unknown])[]) =>
      this.#write([{ ...write, fields: Object.fromEntries(some) }]);
    let isWritten = fields.length > 0;
    if (isWritten) {
      await isolateRefused(
        [write],
        () => writeFields([]),
        () => {
          isWritten = false;
        },
      );
    }
    if (!isWritten) this.#reportRow(write, refusal);
    else {
      await isolateRefused(fields, writeFields, ([name], error) => this.#reportField(write, name, error));
    }
    return isWritten;
  }

  #write(writes: readonly SubjectWrite[]): Promise<void> {
    const { db, table, parts } = this.#parts;
    return this.#run(() => writeSubjects(db, table, parts, writes));
  }

  #run(work: () => Promise<void>): Promise<void> {
    return withTypedErrors(`The status table ${this.#parts.parts.name}`, () =>
      this.#statementTimeout.run(work),
    );
  }

  #reportField({ jobId }: JobWrite, field: string, cause: unknown): void {
    const message =
      `The status table ${this.#parts.parts.name}: Postgres rejects the field ${field} of job ${jobId}: ` +
      `${reasonOf(cause)} The row was written without it. ` +
      "Return a value that the column accepts from `fields` of trackStatus.";
    this.#reportOnce(`${jobId}\n${field}`, new QueueError("INVALID_OPTIONS", message, { cause }));
  }

  #reportRow(write: JobWrite, cause: unknown): void {
    this.#reportOnce(write.jobId, refusedRow(this.#parts.parts.name, write, cause));
  }

  /** Every progress of the job and every turn of the reconciler would repeat the refusal. */
  #reportOnce(refusal: string, error: QueueError): void {
    if (this.#reported.has(refusal)) return;
    this.#reported.add(refusal);
    if (this.#reported.size > MAX_REMEMBERED) this.#reported.delete(this.#reported.keys().next().value!);
    this.#parts.onError(error);
  }
}

/** The error for a row that couldn't be written. */
export function refusedRow(
  table: string,
  { jobId, status }: Pick<JobWrite, "jobId" | "status">,
  cause: unknown,
): QueueError {
  const message =
    `The status table ${table}: Postgres rejects the row of job ${jobId} as ${status}: ${reasonOf(cause)} ` +
    "The row stays unchanged. Change the constraint, trigger or policy of the table that rejects it.";
  return new QueueError("DATABASE_MISCONFIGURED", message, { cause });
}
