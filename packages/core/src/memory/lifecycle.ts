import type { BatchJob } from "../engine/batch-order.ts";
import { REMOVED_ERROR } from "../engine/engine-errors.ts";
import type { EngineEvent } from "../engine/events.ts";
import { dependencyFailed, rootCauseTail } from "../engine/root-cause.ts";
import { isTerminal, type JobState, type TerminalState } from "../engine/state-machine.ts";
import { Cascades } from "./cascades.ts";
import { DedupeKeys } from "./dedupe-keys.ts";
import { type HandledMessages, isHandled } from "./handled-messages.ts";
import { Heap } from "./heap.ts";
import { JobTable, type TombstoneLimits } from "./job-table.ts";
import type { Metrics } from "./metrics.ts";
import { OrderingLine } from "./ordering-line.ts";
import type { QueueState } from "./queue-state.ts";
import { Retention } from "./retention.ts";
import type { StoredJob } from "./stored-job.ts";

/** An entry of the timetable. It stays, as a ghost, when its job stops waiting for that time. */
interface Due {
  readonly at: number;
  readonly job: StoredJob;
}

/** What a claim puts on its jobs. */
export interface Hold {
  readonly token: string;
  /** Milliseconds. */
  readonly lease: number;
}

export interface LifecycleHooks {
  readonly metrics: Metrics;
  /** A job changed state or progress. */
  onEvent(type: EngineEvent["type"], job: StoredJob, now: number): void;
  /** A job became runnable or scheduled. */
  onWork(job: StoredJob): void;
}

/**
 * Moves jobs between states. Every change of `state` happens here, with all that hangs on it: counts,
 * dependents, ordering keys, retention, events.
 */
export class Lifecycle {
  readonly table: JobTable;
  readonly dedupe = new DedupeKeys();
  /** What claims hold, active or reserved, by id. Few: at most what the workers can take. */
  readonly held = new Map<string, StoredJob>();
  readonly #due = new Heap<Due>((a, b) => a.at < b.at || (a.at === b.at && a.job.sequence < b.job.sequence));
  readonly #retention = new Retention((job, now) => this.table.bury(job, now));
  readonly cascades: Cascades;
  #scheduled = 0;
  readonly #hooks: LifecycleHooks;

  /** `points`: what a step may spend on dependents. */
  constructor(hooks: LifecycleHooks, tombstones: TombstoneLimits, points: number, now: number) {
    this.table = new JobTable(tombstones, now);
    this.cascades = new Cascades(points, (dependent, job, at) => this.#decide(dependent, job, at));
    this.#hooks = hooks;
  }

  /** Stores a batch's new jobs, then decides each one's first state. */
  admit(planned: readonly BatchJob[], now: number): void {
    const jobs = planned.map(({ spec, dependsOn }) => {
      const job = this.table.add(spec, dependsOn, now);
      if (spec.ordering) this.#lineOf(job, spec.ordering.key).append(job);
      if (spec.dedupe) this.dedupe.take(job, now);
      this.#hooks.metrics.count(job, "sent", now);
      return job;
    });
    for (const job of jobs) this.#enter(job, now);
    this.#propagate(now);
  }

  /** Takes the next runnable job of a queue that is handled, and gives it its next epoch. */
  claim(queue: QueueState, handled: HandledMessages, hold: Hold, now: number): StoredJob | undefined {
    const job = queue.ready.shift(handled);
    if (!job) return undefined;
    this.#hold(job, hold, now);
    this.#begin(job, job.queuedAt ?? job.createdAt, now);
    return job;
  }

  /** Reserves up to so many jobs of the line in which a job just claimed has the turn. */
  reserve(
    line: OrderingLine,
    count: number,
    handled: HandledMessages,
    hold: Hold,
    now: number,
  ): readonly StoredJob[] {
    const mayRun = ({ spec: { envelope } }: StoredJob) =>
      isHandled(handled, envelope.messageType, envelope.version);
    const reserved = line.reserve(count, now, mayRun);
    for (const job of reserved) this.#hold(job, hold, now);
    return reserved;
  }

  /** Voids a held job's reservation and all behind it: these jobs just go on waiting. */
  breakRun(job: StoredJob, now: number): void {
    if (!job.line) return;
    for (const reserved of job.line.voidFrom(job)) {
      this.held.delete(reserved.id);
      if (reserved.cancelRequested) this.end(reserved, "cancelled", now, reserved.error);
    }
  }

  /** Ends a job for good and tells those who wait for it. */
  end(job: StoredJob, state: TerminalState, now: number, error?: string): void {
    if (holdsKey(job, state)) this.breakRun(job, now);
    this.#end(job, state, now, error);
    this.#propagate(now);
  }

  /** Puts an active job back: at its old place now, or once `delay` has passed. */
  requeue(job: StoredJob, delay: number, now: number): void {
    this.breakRun(job, now);
    this.held.delete(job.id);
    job.runAt = delay > 0 ? now + delay : 0;
    this.#place(job, now);
  }

  /** Opens a failed or cancelled job again, with fresh attempts. */
  reopen(job: StoredJob, now: number): void {
    this.cascades.stop(job.id);
    this.cascades.spend(job.dependsOn.length);
    this.#unretain(job);
    this.#beginReading(job);
    this.dedupe.take(job, now);
    job.epoch++;
    job.attempt = job.stalls = job.bounces = 0;
    job.cancelRequested = false;
    job.error = job.result = job.progress = job.startedAt = job.finishedAt = undefined;
    job.runAt = 0;
    for (const { job: id, onFailure } of job.dependsOn) {
      const state = this.stateOf(id);
      const dependency = this.table.get(id);
      dependency?.dropEndedDependent(job.id);
      if (!dependency || state === "completed" || (isTerminal(state!) && onFailure === "run")) continue;
      this.#await(job, dependency);
    }
    const earlier = job.spec.ordering && this.#lineOf(job, job.spec.ordering.key).reinsert(job);
    this.#place(job, now);
    if (earlier) this.#place(earlier, now);
  }

  promote(job: StoredJob, now: number): void {
    job.runAt = 0;
    this.#place(job, now);
  }

  /** Deletes a job that isn't active, leaving a tombstone. What waits for it is decided. */
  remove(job: StoredJob, now: number): void {
    if (!isTerminal(job.state!)) this.#end(job, "cancelled", now, REMOVED_ERROR);
    else if (job.state !== "completed") {
      this.cascades.stop(job.id);
      this.cascades.begin(job);
    }
    this.dedupe.free(job);
    this.#passTurn(job, now);
    this.#unretain(job);
    if (!job.isDeleted) this.table.bury(job, now);
    this.#propagate(now);
  }

  /** The state of a known job: also of one that only a tombstone remembers, or those who wait to be told of it. */
  stateOf(id: string): JobState | undefined {
    return this.table.stateOf(id) ?? this.cascades.get(id)?.job.state ?? undefined;
  }

  /** Goes on with pending cascades and makes up to `limit` due jobs queued. Answers how many. */
  promoteDue(now: number, limit: number): number {
    let promoted = 0;
    this.cascades.goOn(now);
    if (this.#due.size > 1_024 && this.#due.size > 2 * this.#scheduled) this.#due.keepOnly(isCurrent);
    while (promoted < limit && this.#due.first && this.#due.first.at <= now) {
      const due = this.#due.pop()!;
      if (!isCurrent(due)) continue;
      this.#place(due.job, now);
      promoted++;
    }
    return promoted;
  }

  /** When the next scheduled job is due. */
  get nextDue(): number | undefined {
    while (this.#due.first && !isCurrent(this.#due.first)) this.#due.pop();
    return this.#due.first?.at;
  }

  /** When the next lease ends. */
  get nextLeaseEnd(): number | undefined {
    let next: number | undefined;
    for (const { leaseUntil } of this.held.values()) {
      if (next === undefined || leaseUntil < next) next = leaseUntil;
    }
    return next;
  }

  /** When the next finished job is past its retention. */
  get nextExpiry(): number {
    return this.#retention.nextExpiry;
  }

  trim(now: number, limit: number): number {
    const trimmed = this.#retention.trim(now, limit);
    this.table.evictTombstones();
    return trimmed;
  }

  /** Whether something still needs a finished job where it is, so that no trimming may take it. */
  isPinned(job: StoredJob): boolean {
    return this.isRead(job) || job.line?.head === job;
  }

  /** Whether unfinished jobs depend on it. */
  isRead(job: StoredJob): boolean {
    return (job.readers?.size ?? 0) > 0;
  }

  #enter(job: StoredJob, now: number): void {
    this.#beginReading(job);
    for (const { job: id, onFailure } of job.dependsOn) {
      const state = this.stateOf(id);
      const dependency = this.table.get(id);
      if (state === undefined || state === "completed") continue;
      if (state !== "failed" && state !== "cancelled") this.#await(job, dependency!);
      else if (onFailure === "hold" && dependency) this.#await(job, dependency);
      // A hold on a job that only its tombstone remembers could never be released.
      else if (onFailure !== "run") {
        this.#end(
          job,
          "cancelled",
          now,
          dependencyFailed(id, state, dependency && rootCauseTail(dependency)),
        );
        return;
      }
    }
    this.#place(job, now);
  }

  #hold(job: StoredJob, { token, lease }: Hold, now: number): void {
    job.epoch++;
    job.token = token;
    job.leaseUntil = now + lease;
    this.held.set(job.id, job);
  }

  /** A held job's attempt begins. It could have since `runnableAt`. */
  #begin(job: StoredJob, runnableAt: number, now: number): void {
    job.attempt++;
    job.startedAt = now;
    this.#change(job, "active", now);
    this.#hooks.metrics.time(job, "waiting", now - runnableAt, now);
  }

  /** The state of a job that waits for a worker, by what it still waits for. */
  #place(job: StoredJob, now: number): void {
    if (job.isWaiting || (job.line && job.line.head !== job)) {
      if (job.state !== "blocked") this.#change(job, "blocked", now);
    } else if (job.runAt > now) {
      this.#due.push({ at: job.runAt, job });
      this.#change(job, "scheduled", now);
      this.#hooks.onWork(job);
    } else {
      if (now !== job.createdAt) job.queuedAt = now;
      this.#change(job, "queued", now);
      job.queue.ready.push(job);
      this.#hooks.onWork(job);
    }
  }

  #end(job: StoredJob, state: TerminalState, now: number, error?: string): void {
    const { metrics } = this.#hooks;
    const wasQueued = job.state === "queued";
    if (job.state === "active") {
      this.held.delete(job.id);
      metrics.time(job, "running", now - job.startedAt!, now);
    }
    this.cascades.spend(job.dependsOn.length);
    const { completed, failed } = job.spec.retain;
    const isKept = (state === "completed" ? completed : failed).count > 0;
    for (const { job: id } of job.dependsOn) this.#endReading(job, id, isKept, now);
    job.pending = undefined;
    job.finishedAt = now;
    job.error = error;
    if (state === "completed") this.dedupe.complete(job);
    else this.dedupe.free(job);
    metrics.count(job, state, now);
    this.#change(job, state, now);
    if (wasQueued) job.queue.ready.forget(job);
    this.cascades.begin(job);
    if (!holdsKey(job, state)) this.#passTurn(job, now);
    if (job.inLine && job.line?.head !== job) job.line?.forget();
    this.#retain(job, now);
  }

  #propagate(now: number): void {
    this.cascades.propagate(now);
    this.table.evictTombstones();
  }

  #decide(dependent: StoredJob, job: StoredJob, now: number): void {
    const policy = job.state === "completed" ? "run" : dependent.policyTowards(job.id);
    if (policy === "hold" && !job.isDeleted) return;
    job.dependents!.delete(dependent);
    dependent.pending!.delete(job.id);
    if (policy !== "run") {
      this.#end(dependent, "cancelled", now, dependencyFailed(job.id, job.state!, rootCauseTail(job)));
    } else if (dependent.pending!.size === 0) this.#place(dependent, now);
  }

  #retain(job: StoredJob, now: number): void {
    if (job.isRetained || this.isPinned(job) || job.isDeleted) return;
    job.isRetained = true;
    this.#retention.add(job, now);
  }

  #unretain(job: StoredJob): void {
    if (job.isRetained) this.#retention.drop(job);
    job.isRetained = false;
  }

  #await(job: StoredJob, dependency: StoredJob): void {
    job.pending ??= new Set();
    job.pending.add(dependency.id);
    dependency.dependents ??= new Map();
    dependency.dependents.set(job, ++dependency.places);
  }

  /** What unfinished jobs depend on isn't for retention to take: its result may be read, or its retry awaited. */
  #beginReading(job: StoredJob): void {
    for (const { job: id } of job.dependsOn) {
      const dependency = this.table.get(id);
      if (!dependency) continue;
      dependency.readers ??= new Set();
      dependency.readers.add(job);
      this.#unretain(dependency);
    }
  }

  /** `isKept`: whether retention keeps jobs that end as this one does. */
  #endReading(job: StoredJob, id: string, isKept: boolean, now: number): void {
    const dependency = this.table.get(id);
    if (!dependency) {
      this.cascades.get(id)?.job.dependents?.delete(job);
      return;
    }
    // It was sent again since if this isn't one of its readers.
    const wasReader = dependency.readers?.delete(job) ?? false;
    dependency.dependents?.delete(job);
    if (isKept && wasReader) dependency.addEndedDependent(job.id);
    if (dependency.state !== null && isTerminal(dependency.state)) this.#retain(dependency, now);
  }

  /** The job's ordering key goes to the next in line, if this one had the turn. */
  #passTurn(job: StoredJob, now: number): void {
    const { line } = job;
    if (line?.head !== job) return;
    const next = line.advance();
    if (!next) job.queue.lines.delete(line.key);
    else if (this.held.has(next.id)) this.#begin(next, now, now);
    // One of the batch being admitted is placed when its own dependencies have been looked at.
    else if (next.state !== null) this.#place(next, now);
  }

  #lineOf(job: StoredJob, key: string): OrderingLine {
    const { lines } = job.queue;
    let line = lines.get(key);
    if (!line) {
      line = new OrderingLine(key);
      lines.set(key, line);
    }
    job.line = line;
    return line;
  }

  #change(job: StoredJob, to: JobState, now: number): void {
    const { counts } = job.queue;
    if (job.state) counts[job.state]--;
    if (job.state === "scheduled") this.#scheduled--;
    if (to === "scheduled") this.#scheduled++;
    counts[to]++;
    job.state = to;
    this.#hooks.onEvent(to, job, now);
  }
}

function isCurrent({ at, job }: Due): boolean {
  return job.state === "scheduled" && job.runAt === at;
}

/** Whether a job that ends so keeps its ordering key from the others. */
function holdsKey(job: StoredJob, ending: TerminalState): boolean {
  return ending === "failed" && job.spec.ordering?.onFailure === "hold";
}
