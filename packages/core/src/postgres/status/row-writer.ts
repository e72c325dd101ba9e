import { QueueError } from "../../errors/queue-error.ts";
import { withTypedErrors } from "../database.ts";
import { reasonOf } from "../database-errors.ts";
import { isolateRefused } from "../refused-rows.ts";
import type { PendingWrite } from "./backlog.ts";
import { writeJob, writeSubjects } from "./fence.ts";
import { StatementTimeout } from "./statement-timeout.ts";
import type { JobWrite, SubjectWrite } from "./transition.ts";
import type { StatusWriterParts } from "./writer.ts";

/** Refusals that are remembered, so that each is reported once. */
const MAX_REMEMBERED = 10_000;

/**
 * Writes rows of a status table. A row that Postgres refuses keeps no other from being written, and a field that it
 * refuses keeps no row from its status. What isn't about a row is thrown, as typed errors.
 */
export class RowWriter {
  readonly #parts: StatusWriterParts;
  readonly #statementTimeout = new StatementTimeout();
  /** The refusals that were reported: a job, or a job and a field. */
  readonly #reported = new Set<string>();

  constructor(parts: StatusWriterParts) {
    this.#parts = parts;
  }

  /** Writes rows that set the same fields. `onEnd` is called for each that was written or refused. */
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

  /** Writes the row that has a job, whose key isn't known. */
  writeJob(job: JobWrite): Promise<void> {
    const { db, table, parts } = this.#parts;
    return isolateRefused(
      [job],
      () => this.#run(() => writeJob(db, table, parts, job)),
      (_, error) => this.#reportRow(job, error),
    );
  }

  /** Writes a row that was refused, without the fields that are refused. Answers whether its status was accepted. */
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
      `The status table ${this.#parts.parts.name}: Postgres refuses the field ${field} of job ${jobId}: ` +
      `${reasonOf(cause)} The row was written without it. ` +
      "Let `fields` of trackStatus return a value that the column takes.";
    this.#reportOnce(`${jobId}\n${field}`, new QueueError("INVALID_OPTIONS", message, { cause }));
  }

  #reportRow(write: JobWrite, cause: unknown): void {
    this.#reportOnce(write.jobId, refusedRow(this.#parts.parts.name, write, cause));
  }

  /** Each progress of the job, and each turn of the reconciler, meets the same refusal again. */
  #reportOnce(refusal: string, error: QueueError): void {
    if (this.#reported.has(refusal)) return;
    this.#reported.add(refusal);
    if (this.#reported.size > MAX_REMEMBERED) this.#reported.delete(this.#reported.keys().next().value!);
    this.#parts.onError(error);
  }
}

/** The error that says why a row couldn't be written. */
export function refusedRow(
  table: string,
  { jobId, status }: Pick<JobWrite, "jobId" | "status">,
  cause: unknown,
): QueueError {
  const message =
    `The status table ${table}: Postgres refuses the row of job ${jobId} as ${status}: ${reasonOf(cause)} ` +
    "The row stays as it is. Change the constraint, the trigger or the policy of the table that refuses it.";
  return new QueueError("DATABASE_MISCONFIGURED", message, { cause });
}
