import { backoffDelay } from "../../timing/backoff.ts";
import { fulfillsWithin } from "../../timing/with-timeout.ts";
import type { Database } from "../database.ts";
import { Backlog, type Batch, type PendingWrite } from "./backlog.ts";
import { RowWriter } from "./row-writer.ts";
import { type AnyStatusTable, type StatusTableParts, subjectOf } from "./table.ts";
import { compareSteps, type JobWrite, type SubjectWrite, type Transition } from "./transition.ts";

const RETRY_BACKOFF = { first: 50, max: 1_000 };
/** Jobs whose last told step is remembered. */
const MAX_REMEMBERED = 10_000;

export interface StatusWriterParts {
  readonly db: Database;
  readonly table: AnyStatusTable;
  readonly parts: StatusTableParts;
  /** Must not throw. */
  readonly onError: (error: unknown) => void;
}

/**
 * Writes what happens to jobs, with one statement under way at a time that carries all that waits. While Postgres is
 * away it keeps what is newest and goes on trying; the fence makes a repeat harmless.
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

  /** Writes soon: a transition at once, progress (`isUrgent: false`) at most four times a second and subject. */
  put(write: SubjectWrite, isUrgent: boolean): void {
    this.#add({ subject: subjectOf(this.#parts.parts, write.key), write, isUrgent, listeners: [] });
  }

  /**
   * Writes, and resolves once the first try is over, or `timeout` milliseconds have passed: with whether the row
   * was written. What wasn't is tried again.
   */
  async putAndWait(writes: readonly SubjectWrite[], timeout: number): Promise<boolean> {
    const tries = writes.map(
      (write) =>
        new Promise<boolean>((resolve) => {
          // Postgres is known to be away: to wait for the next try would slow down every send.
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

  /** As `put`, for a job whose subject isn't known here. */
  putJob(write: JobWrite): void {
    if (this.#isClosed) return;
    this.#remember(write);
    this.#backlog.addJob(write);
    this.#wake();
  }

  /** Whether this step of a job, or a later one, was put before. */
  hasSeen(write: JobWrite): boolean {
    const latest = this.#latestSteps.get(write.jobId);
    return latest !== undefined && compareSteps(latest, write) >= 0;
  }

  /** Resolves once nothing waits any more, or `timeout` milliseconds have passed. */
  async flush(timeout: number): Promise<void> {
    if (this.#isClosed || (this.#backlog.isEmpty && !this.#isPumping)) return;
    const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
    this.#backlog.expedite();
    this.#wake();
    await fulfillsWithin(idle, timeout);
  }

  /** Gives up what couldn't be written. */
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
    // All that this turn of the event loop tells goes in one statement.
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
      if (error === undefined) this.#failures = 0;
      else await this.#pause(error);
    }
    this.#isPumping = false;
  }

  #sleepUntilDue({ wakeAt }: Batch): void {
    this.#isPumping = false;
    if (wakeAt === undefined) this.#resolveIdle();
    // A process may end without its last progress; a worker's stop flushes.
    else this.#timer = setTimeout(() => this.#wake(), wakeAt - performance.now()).unref();
  }

  #resolveIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  /** Told once, however often it is tried again. */
  async #pause(error: unknown): Promise<void> {
    this.#failures++;
    if (this.#failures === 1) this.#parts.onError(error);
    const pause = backoffDelay(RETRY_BACKOFF, this.#failures);
    await new Promise<void>((resolve) => setTimeout(resolve, pause).unref());
  }

  /** Answers the error after which the rest of the batch waits again, if there was one. */
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
 * A statement sets the same fields in all its rows. Rows are locked in the order of their keys, so that the
 * statements of several processes don't wait for each other in a circle.
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
