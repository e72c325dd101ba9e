import { MAX_ROWS } from "./fence.ts";
import { compareAges, compareSteps, type JobWrite, mergeWrites, type SubjectWrite } from "./transition.ts";

/** Called once, with whether Postgres accepted the first try. */
export type WriteListener = (isWritten: boolean) => void;

/** A write that is waiting or in flight. */
export interface PendingWrite {
  readonly subject: string;
  readonly write: SubjectWrite;
  /** Transitions are written at once. Progress waits until its subject may be written again. */
  readonly isUrgent: boolean;
  readonly listeners: readonly WriteListener[];
}

/** What to write next. `wakeAt`: when the next write is due, if only progress is waiting. */
export interface Batch {
  readonly subjects: readonly PendingWrite[];
  readonly jobs: readonly JobWrite[];
  readonly wakeAt: number | undefined;
}

/** A little more than a quarter of a second, so that there are never five writes in one second. */
const PROGRESS_INTERVAL = 260;

/**
 * Waiting writes, merged as far as possible: only the newest step of each job, and only the newest job of each subject.
 * Older jobs with fields to write are kept, and go first.
 */
export class Backlog {
  /** The jobs of each subject, oldest first. No list is empty. */
  readonly #subjects = new Map<string, PendingWrite[]>();
  readonly #jobs = new Map<string, JobWrite>();
  /** When each subject was last written, oldest first. */
  readonly #writtenAt = new Map<string, number>();

  get isEmpty(): boolean {
    return this.#subjects.size === 0 && this.#jobs.size === 0;
  }

  add(pending: PendingWrite): void {
    const waiting = this.#subjects.get(pending.subject);
    if (!waiting) this.#subjects.set(pending.subject, [pending]);
    else insert(waiting, pending, (known) => merge(known, pending));
  }

  addJob(write: JobWrite): void {
    const known = this.#jobs.get(write.jobId);
    if (!known || compareSteps(write, known) >= 0) this.#jobs.set(write.jobId, write);
  }

  /** Puts failed writes back, merged under those that were added meanwhile. */
  restore(subjects: readonly PendingWrite[], jobs: readonly JobWrite[]): void {
    for (const pending of subjects) {
      const waiting = this.#subjects.get(pending.subject);
      if (!waiting) this.#subjects.set(pending.subject, [pending]);
      else insert(waiting, pending, (known) => merge(pending, known));
    }
    for (const write of jobs) if (!this.#jobs.has(write.jobId)) this.#jobs.set(write.jobId, write);
  }

  /** Makes waiting progress due now. */
  expedite(): void {
    for (const waiting of this.#subjects.values()) waiting[0] = { ...waiting[0]!, isUrgent: true };
  }

  take(now: number): Batch {
    this.#forgetOldWrites(now);
    const subjects: PendingWrite[] = [];
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const [subject, waiting] of this.#subjects) {
      if (subjects.length === MAX_ROWS) break;
      dropSuperseded(waiting);
      const dueAt = waiting[0]!.isUrgent
        ? now
        : (this.#writtenAt.get(subject) ?? -Infinity) + PROGRESS_INTERVAL;
      if (dueAt > now) {
        wakeAt = Math.min(wakeAt, dueAt);
        continue;
      }
      subjects.push(waiting.shift()!);
      if (waiting.length === 0) this.#subjects.delete(subject);
      this.#writtenAt.delete(subject);
      this.#writtenAt.set(subject, now);
    }
    // A row must exist before a transition can find it by its job.
    const jobs = subjects.length < MAX_ROWS ? [...this.#jobs.values()].slice(0, MAX_ROWS) : [];
    for (const { jobId } of jobs) this.#jobs.delete(jobId);
    return { subjects, jobs, wakeAt: Number.isFinite(wakeAt) ? wakeAt : undefined };
  }

  #forgetOldWrites(now: number): void {
    for (const [subject, at] of this.#writtenAt) {
      if (at + PROGRESS_INTERVAL > now) return;
      this.#writtenAt.delete(subject);
    }
  }
}

/** Drops older jobs without fields: their row would be overwritten at once. */
function dropSuperseded(waiting: PendingWrite[]): void {
  while (waiting.length > 1) {
    const [oldest, next] = waiting as [PendingWrite, PendingWrite];
    if (Object.keys(oldest.write.fields).length > 0) {
      waiting[0] = { ...oldest, isUrgent: true };
      return;
    }
    waiting.shift();
    waiting[0] = { ...next, listeners: [...oldest.listeners, ...next.listeners] };
  }
}

function insert(
  waiting: PendingWrite[],
  pending: PendingWrite,
  mergeWith: (known: PendingWrite) => PendingWrite,
): void {
  const same = waiting.findIndex(({ write }) => write.jobId === pending.write.jobId);
  if (same !== -1) {
    waiting[same] = mergeWith(waiting[same]!);
    return;
  }
  const younger = waiting.findIndex(({ write }) => compareAges(write, pending.write) > 0);
  waiting.splice(younger === -1 ? waiting.length : younger, 0, pending);
}

function merge(earlier: PendingWrite, later: PendingWrite): PendingWrite {
  return {
    subject: earlier.subject,
    write: mergeWrites(earlier.write, later.write),
    isUrgent: earlier.isUrgent || later.isUrgent,
    listeners: [...earlier.listeners, ...later.listeners],
  };
}
