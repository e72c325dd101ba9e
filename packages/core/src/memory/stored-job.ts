import type { ClaimedJob } from "../engine/core.ts";
import { MAX_ENDED_DEPENDENTS, MAX_FAILURES, MAX_LOGS } from "../engine/engine-limits.ts";
import type { AttemptFailure, Dependency, JobRecord, JobSummary, LogEntry, NewJob } from "../engine/job.ts";
import type { JobState } from "../engine/state-machine.ts";
import type { OrderingLine } from "./ordering-line.ts";
import type { QueueState } from "./queue-state.ts";

/** One job in memory. Only `Lifecycle` changes `state`. */
export class StoredJob {
  readonly spec: NewJob;
  readonly queue: QueueState;
  /** Place in the send order of the whole engine. */
  readonly sequence: number;
  readonly createdAt: number;
  /** Without repeats; references to deduplicated jobs resolved. */
  readonly dependsOn: readonly Dependency[];

  state: JobState | null = null;
  epoch = 0;
  attempt = 0;
  stalls = 0;
  bounces = 0;
  cancelRequested = false;
  /** Due time of a job that waits for one, else 0. */
  runAt: number;
  /** When it last became `queued`; absent while that is when it was created. */
  queuedAt: number | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  leaseUntil = 0;
  /** Of the claim that holds it. */
  token = "";
  result: string | undefined;
  error: string | undefined;
  progress: string | undefined;
  failures: AttemptFailure[] | undefined;
  logs: LogEntry[] | undefined;

  /** Ids this job still waits for; made with the first. */
  pending: Set<string> | undefined;
  /** Unfinished jobs that depend on this one: they may still read its result. Made with the first. */
  readers: Set<StoredJob> | undefined;
  /** Of kept dependents that have ended: how many, and the ids of the newest, oldest first. */
  endedDependents: { count: number; ids: string[] } | undefined;
  /** Jobs that still wait for this one, by the place in which they began to; made with the first. */
  dependents: Map<StoredJob, number> | undefined;
  /** The last place given. */
  places = 0;
  /** The line of its ordering key, and whether it stands in it. */
  line: OrderingLine | undefined;
  inLine = false;
  isDeleted = false;
  /** Whether retention counts it among the finished jobs that it may trim. */
  isRetained = false;

  constructor(
    spec: NewJob,
    dependsOn: readonly Dependency[],
    queue: QueueState,
    sequence: number,
    now: number,
  ) {
    this.spec = spec;
    this.dependsOn = dependsOn;
    this.queue = queue;
    this.sequence = sequence;
    this.createdAt = now;
    this.runAt = spec.delay > 0 ? now + spec.delay : 0;
  }

  get id(): string {
    return this.spec.envelope.id;
  }

  get messageType(): string {
    return this.spec.envelope.messageType;
  }

  get isWaiting(): boolean {
    return this.pending !== undefined && this.pending.size > 0;
  }

  policyTowards(dependency: string): Dependency["onFailure"] {
    return this.dependsOn.find(({ job }) => job === dependency)?.onFailure ?? "cancel";
  }

  addEndedDependent(id: string): void {
    this.endedDependents ??= { count: 0, ids: [] };
    const { ids } = this.endedDependents;
    const at = ids.indexOf(id);
    if (at < 0) this.endedDependents.count++;
    else ids.splice(at, 1);
    ids.push(id);
    if (ids.length > MAX_ENDED_DEPENDENTS) ids.shift();
  }

  /** For a dependent that is reopened. */
  dropEndedDependent(id: string): void {
    const ended = this.endedDependents;
    const at = ended?.ids.indexOf(id) ?? -1;
    if (!ended || at < 0) return;
    ended.ids.splice(at, 1);
    ended.count--;
  }

  recordFailure(error: string, at: number): void {
    this.failures ??= [];
    this.failures.push({ epoch: this.epoch, startedAt: this.startedAt ?? at, at, error });
    if (this.failures.length > MAX_FAILURES) this.failures.shift();
  }

  appendLogs(entries: readonly LogEntry[]): void {
    this.logs = [...(this.logs ?? []), ...entries].slice(-MAX_LOGS);
  }

  /**
   * `follows`: the job ahead of a reserved one. There is one for every job run: assignments are several times
   * faster here than conditional spreads.
   */
  toClaimed(follows?: string): ClaimedJob {
    const { spec } = this;
    const claimed: { -readonly [Key in keyof ClaimedJob]: ClaimedJob[Key] } = {
      id: this.id,
      epoch: this.epoch,
      token: this.token,
      envelope: spec.envelope,
      queue: spec.queue,
      attempt: this.attempt,
      maxAttempts: spec.maxAttempts,
      stalls: this.stalls,
      bounces: this.bounces,
      dependsOn: this.dependsOn.length === 0 ? NONE : this.dependsOn.map(({ job }) => job),
      createdAt: this.createdAt,
    };
    if (spec.ordering) {
      claimed.orderingKey = spec.ordering.key;
      if (spec.ordering.onFailure === "hold") claimed.holdsKey = true;
    }
    if (follows !== undefined) {
      claimed.follows = follows;
      claimed.attempt++;
    }
    return claimed;
  }

  toSummary(): JobSummary {
    const { spec } = this;
    const { messageType, version, userId, timestamp } = spec.envelope;
    return {
      id: this.id,
      messageType,
      version,
      queue: spec.queue,
      state: this.state!,
      priority: spec.priority,
      epoch: this.epoch,
      attempt: this.attempt,
      maxAttempts: spec.maxAttempts,
      stalls: this.stalls,
      cancelRequested: this.cancelRequested,
      timestamp,
      createdAt: this.createdAt,
      ...(userId !== undefined && { userId }),
      ...(spec.ordering && { orderingKey: spec.ordering.key }),
      ...(this.state === "scheduled" && { runAt: this.runAt }),
      ...(this.startedAt !== undefined && { startedAt: this.startedAt }),
      ...(this.finishedAt !== undefined && { finishedAt: this.finishedAt }),
      ...(this.error !== undefined && { error: this.error }),
    };
  }

  toRecord(): JobRecord {
    const { spec } = this;
    return {
      id: this.id,
      envelope: spec.envelope,
      queue: spec.queue,
      state: this.state!,
      priority: spec.priority,
      epoch: this.epoch,
      attempt: this.attempt,
      maxAttempts: spec.maxAttempts,
      stalls: this.stalls,
      bounces: this.bounces,
      dependsOn: this.dependsOn,
      cancelRequested: this.cancelRequested,
      createdAt: this.createdAt,
      failures: [...(this.failures ?? [])],
      logs: [...(this.logs ?? [])],
      ...(spec.ordering && { orderingKey: spec.ordering.key }),
      ...(this.state === "scheduled" && { runAt: this.runAt }),
      ...(this.startedAt !== undefined && { startedAt: this.startedAt }),
      ...(this.finishedAt !== undefined && { finishedAt: this.finishedAt }),
      ...(this.result !== undefined && { result: this.result }),
      ...(this.error !== undefined && { error: this.error }),
      ...(this.progress !== undefined && { progress: this.progress }),
    };
  }
}

const NONE: readonly string[] = [];
