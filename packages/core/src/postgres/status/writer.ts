import { backoffDelay } from "../../timing/backoff.ts";
import { fulfillsWithin } from "../../timing/with-timeout.ts";
import type { Database } from "../database.ts";
import { Backlog, type Batch, type PendingWrite } from "./backlog.ts";
import type { OutageReport } from "./outage-report.ts";
import { RowWriter } from "./row-writer.ts";
import { type AnyStatusTable, type StatusTableParts, subjectOf } from "./table.ts";
import { compareSteps, type JobWrite, type SubjectWrite, type Transition } from "./transition.ts";

const RETRY_BACKOFF = { first: 50, max: 1_000 };
/** Number of jobs whose latest step is remembered. */
const MAX_REMEMBERED = 10_000;

export interface StatusWriterParts {
  readonly db: Database;
  readonly table: AnyStatusTable;
  readonly parts: StatusTableParts;
  readonly outages: OutageReport;
  /** Must not throw. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes transitions of jobs. One statement is in flight at a time and carries everything that is waiting. While
 * Postgres is away it keeps the newest state and keeps trying. The fence makes repeats harmless.
 */
export class StatusWriter {
  readonly #parts: StatusWriterParts;
  readonly #backlog = new Backlog();
  readonly #rows: RowWriter;
  readonly #latestSteps = new Map<string, Pick<Transition, "epoch" | "status">>();
  #idle: (() => void)[] = [];
  #isPumping = false;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(parts: StatusWriterParts) {
    this.#parts = parts;
    this.#rows = new RowWriter(parts);
  }

  /** Writes a transition at once, and progress (`isUrgent: false`) at most four times a second per subject. */
  put(write: SubjectWrite, isUrgent: boolean): void {
    this.#add({ subject: subjectOf(this.#parts.parts, write.key), write, isUrgent, listeners: [] });
  }

  /**
   * Writes, and resolves after the first try or after `timeout` milliseconds, with whether all rows were written. Rows
   * that weren't are tried again.
   */
  async putAndWait(writes: readonly SubjectWrite[], timeout: number): Promise<boolean> {
    const tries = writes.map(
      (write) =>
        new Promise<boolean>((resolve) => {
          // Don't wait while Postgres is known to be away: that would slow down every send.
          if (this.#failures > 0 || this.#isClosed) resolve(false);
          this.#add({
            subject: subjectOf(this.#parts.parts, write.key),
            write,
            isUrgent: true,
            listeners: [resolve],
          });
        }),
    );
    const written = Promise.all(tries);
    return (await fulfillsWithin(written, timeout)) && (await written).every(Boolean);
  }

  /** Like `put`, for a job whose subject isn't known. */
  putJob(write: JobWrite): void {
    if (this.#isClosed) return;
    this.#remember(write);
    this.#backlog.addJob(write);
    this.#wake();
  }

  /** Whether this step of a job, or a later one, has been put before. */
  hasSeen(write: JobWrite): boolean {
    const latest = this.#latestSteps.get(write.jobId);
    return latest !== undefined && compareSteps(latest, write) >= 0;
  }

  /** Resolves once everything is written, or after `timeout` milliseconds. */
  async flush(timeout: number): Promise<void> {
    if (this.#isClosed || (this.#backlog.isEmpty && !this.#isPumping)) return;
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#backlog.expedite();
    this.#wake();
    await fulfillsWithin(idle, timeout);
  }

  /** Drops pending writes. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#resolveIdle();
  }

  #add(pending: PendingWrite): void {
    if (this.#isClosed) return;
    this.#remember(pending.write);
    this.#backlog.add(pending);
    this.#wake();
  }

  #remember({ jobId, epoch, status }: JobWrite): void {
    const known = this.#latestSteps.get(jobId);
    if (known && compareSteps(known, { epoch, status }) > 0) return;
    this.#latestSteps.delete(jobId);
    this.#latestSteps.set(jobId, { epoch, status });
    if (this.#latestSteps.size > MAX_REMEMBERED)
      this.#latestSteps.delete(this.#latestSteps.keys().next().value!);
  }

  #wake(): void {
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    clearTimeout(this.#timer);
    // All writes of this turn of the event loop share one statement.
    setImmediate(() => void this.#pump());
  }

  async #pump(): Promise<void> {
    while (!this.#isClosed) {
      const batch = this.#backlog.take(performance.now());
      if (batch.subjects.length === 0 && batch.jobs.length === 0) {
        this.#sleepUntilDue(batch);
        return;
      }
      const error = await this.#write(batch);
      if (error === undefined) this.#succeeded();
      else await this.#pause(error);
    }
    this.#isPumping = false;
  }

  #sleepUntilDue({ wakeAt }: Batch): void {
    this.#isPumping = false;
    if (wakeAt === undefined) this.#resolveIdle();
    // Unreferenced: a process may exit before its last progress is written. A stopping worker flushes.
    else this.#timer = setTimeout(() => this.#wake(), wakeAt - performance.now()).unref();
  }

  #resolveIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#parts.outages.answered();
  }

  /** Reports a failure once, however often the write is retried. */
  async #pause(error: unknown): Promise<void> {
    this.#failures++;
    if (this.#failures === 1) this.#parts.outages.failed(error, this.#parts.onError);
    const pause = backoffDelay(RETRY_BACKOFF, this.#failures);
    await new Promise<void>((resolve) => setTimeout(resolve, pause).unref());
  }

  /** Returns the error, if there was one. The rest of the batch then waits again. */
  async #write({ subjects, jobs }: Batch): Promise<unknown> {
    const left = { subjects: new Set(subjects), jobs: new Set(jobs) };
    try {
      for (const group of groupByFields(subjects)) {
        await this.#rows.writeSubjects(group, (pending, isWritten) => {
          left.subjects.delete(pending);
          notify([pending], isWritten);
        });
      }
      for (const job of jobs) {
        await this.#rows.writeJob(job);
        left.jobs.delete(job);
      }
      return undefined;
    } catch (error) {
      const undone = [...left.subjects];
      this.#backlog.restore(undone.map(withoutListeners), [...left.jobs]);
      notify(undone, false);
      return error ?? new Error("The driver threw nothing.");
    }
  }
}

/**
 * A statement sets the same fields in all its rows. Rows are sorted by key, so that statements of different processes
 * lock them in the same order and don't deadlock.
 */
function groupByFields(subjects: readonly PendingWrite[]): PendingWrite[][] {
  const groups = new Map<string, PendingWrite[]>();
  for (const pending of [...subjects].sort((a, b) => (a.subject < b.subject ? -1 : 1))) {
    const fields = Object.keys(pending.write.fields).sort().join("\n");
    const group = groups.get(fields);
    if (group) group.push(pending);
    else groups.set(fields, [pending]);
  }
  return [...groups.values()];
}

function notify(pending: readonly PendingWrite[], isWritten: boolean): void {
  for (const { listeners } of pending) for (const listener of listeners) listener(isWritten);
}

function withoutListeners(pending: PendingWrite): PendingWrite {
  return { ...pending, listeners: [] };
}
