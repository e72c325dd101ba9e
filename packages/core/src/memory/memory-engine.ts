import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { duration, parseOptions } from "../contract/options.ts";
import { engineClosed } from "../engine/engine-closed.ts";
import type { EngineEvent, EventSubscriber } from "../engine/events.ts";
import type * as port from "../engine/port.ts";
import type { HealthReport, MetricsBucket, QueueCounts } from "../engine/reports.ts";
import { isTerminal } from "../engine/state-machine.ts";
import { STEP_POINTS } from "../engine/step-budget.ts";
import { QueueError } from "../errors/queue-error.ts";
import { CallbackGuard, logFailure } from "../logging/callback-guard.ts";
import { consoleLogger, type Logger, safeLogger } from "../logging/logger.ts";
import { type Clock, systemClock } from "../timing/clock.ts";
import { planBatch } from "./batch-plan.ts";
import { Lifecycle, type LifecycleHooks, reason } from "./lifecycle.ts";
import { Metrics } from "./metrics.ts";
import type { StoredJob } from "./stored-job.ts";
import { WorkSignal } from "./work-signal.ts";

export interface MemoryEngineOptions {
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
  /** How long, and for how many jobs, the ending of a removed job is remembered. */
  readonly tombstones?:
    | {
        /** @default "1d" */
        readonly age?: Duration | undefined;
        /** Many more slow every send down: the table of ids outgrows the processor's caches. @default 20_000 */
        readonly count?: number | undefined;
      }
    | undefined;
}

const DAY = 86_400_000;
/** Jobs that one call moves in passing (due, expired, past retention), so that no call takes long. */
const STEP = 1_000;
/** Dependents that `edges` names. */
const SHOWN_DEPENDENTS = 100;

const optionsSchema = z.strictObject({
  clock: z._default(z.custom<Clock>(isClock, "expected a clock: now() and after()"), systemClock),
  tombstones: z._default(
    z.strictObject({
      age: z._default(duration(), DAY),
      count: z._default(z.int().check(z.minimum(0), z.maximum(10_000_000)), 20_000),
    }),
    { age: DAY, count: 20_000 },
  ),
});

/**
 * An engine inside this process: nothing to install, nothing kept when the process ends. It is also the
 * executable specification that every other engine is compared with, deterministic under a given clock.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const queue = createQueue({ registry, engine: memoryEngine() });
 */
export function memoryEngine(options: MemoryEngineOptions = {}): port.Engine {
  return new MemoryEngine(parseOptions("memoryEngine", optionsSchema, options));
}

/** Exported for tests, which have it do less in a step: `stepPoints`. */
export class MemoryEngine implements port.Engine {
  readonly name = "memory";
  readonly embedded = true;
  readonly capabilities: port.EngineCapabilities = Object.freeze({
    dependencies: true,
    orderingKeys: true,
    delays: true,
    priorities: true,
    dedupe: true,
    inspection: true,
    cancellation: true,
  });

  readonly #clock: Clock;
  readonly #metrics = new Metrics();
  readonly #work: WorkSignal;
  readonly #lifecycle: Lifecycle;
  readonly #subscribers = new Set<EventSubscriber>();
  readonly #listenerGuard = new CallbackGuard(
    logFailure("A listener of the memory engine", () => this.#logger),
  );
  #logger = consoleLogger;
  #unsent: EngineEvent[] = [];
  #claims = 0;
  #closed = false;

  constructor({ clock, tombstones }: z.output<typeof optionsSchema>, stepPoints = STEP_POINTS) {
    this.#clock = clock;
    this.#work = new WorkSignal(clock);
    const hooks: LifecycleHooks = {
      metrics: this.#metrics,
      onEvent: (type, job, now) => this.#emit(type, job, now),
      onWork: (queue) => this.#work.wake(queue.name),
    };
    this.#lifecycle = new Lifecycle(hooks, tombstones, stepPoints, clock.now());
  }

  get #table() {
    return this.#lifecycle.table;
  }

  async enqueue(batches: readonly port.EnqueueBatch[]): Promise<readonly port.EnqueueOutcome[]> {
    const now = this.#now();
    const known = {
      isKnown: (id: string) => this.#lifecycle.stateOf(id) !== undefined,
      dedupedTo: (key: string) => this.#lifecycle.dedupe.get(key, now),
    };
    return batches.map((batch) => {
      const plan = planBatch(batch, known);
      if (!plan.ok) return plan;
      this.#lifecycle.admit(plan.create, now);
      return { ok: true, jobs: plan.jobs };
    });
  }

  async claim(request: port.ClaimRequest): Promise<readonly port.ClaimedJob[]> {
    return this.#claim(request, this.#now());
  }

  #claim({ queues, limit, lease, run = 1 }: port.ClaimRequest, now: number): port.ClaimedJob[] {
    this.#lifecycle.promoteDue(now, STEP);
    const claimed: port.ClaimedJob[] = [];
    const hold = { token: String(++this.#claims), lease };
    for (const name of queues) {
      const queue = this.#table.queues.get(name);
      if (!queue?.hasWork) continue;
      while (claimed.length < limit) {
        const job = this.#lifecycle.claim(queue, hold, now);
        if (!job) break;
        claimed.push(job.toClaimed());
        const followers = Math.min(run - 1, limit - claimed.length);
        if (followers <= 0 || !job.line) continue;
        for (const reserved of this.#lifecycle.reserve(job.line, followers, hold, now)) {
          claimed.push(reserved.toClaimed(claimed.at(-1)!.id));
        }
      }
    }
    return claimed;
  }

  async settle({ outcomes, claim }: port.SettleRequest): Promise<port.SettleReply> {
    const now = this.#now();
    const verdicts = outcomes.map((outcome) => {
      this.#renewStep();
      const job = this.#held(outcome);
      // One that is reserved hasn't begun: whoever says how it ended is ahead of its turn.
      if (job?.state !== "active") return "stale";
      this.#settleOne(job, outcome, now);
      return "accepted";
    });
    return {
      verdicts,
      claimed: claim ? this.#claim(claim, now) : [],
      paused: claim?.queues.filter((name) => this.#table.queues.get(name)?.paused) ?? [],
    };
  }

  #settleOne(job: StoredJob, outcome: port.AttemptOutcome, now: number): void {
    if (outcome.type === "complete") {
      job.result = outcome.result;
      this.#lifecycle.end(job, "completed", now);
      return;
    }
    if (outcome.type !== "cancel") job.recordFailure(outcome.error, now);
    // Also when the worker hadn't heard yet: a job told to stop completes or is cancelled.
    if (outcome.type === "cancel" || job.cancelRequested) {
      this.#lifecycle.end(job, "cancelled", now, outcome.error);
    } else if (outcome.type === "fail") this.#lifecycle.end(job, "failed", now, outcome.error);
    else {
      job.error = outcome.error;
      this.#metrics.count(job.queue.name, "retried", now);
      this.#metrics.time(job.queue.name, "running", now - job.startedAt!, now);
      this.#lifecycle.giveBack(job, outcome.delay, now);
    }
  }

  async extend({ leases, lease }: port.ExtendRequest): Promise<readonly port.LeaseStatus[]> {
    const now = this.#now();
    return leases.map((heartbeat) => {
      const job = this.#held(heartbeat);
      if (!job) return "lost";
      job.leaseUntil = now + lease;
      if (heartbeat.logs?.length) job.appendLogs(heartbeat.logs);
      if (heartbeat.progress !== undefined) {
        job.progress = heartbeat.progress;
        this.#emit("progress", job, now);
      }
      return job.cancelRequested ? "cancelling" : "held";
    });
  }

  async release(releases: readonly port.Release[]): Promise<void> {
    const now = this.#now();
    for (const release of releases) {
      this.#renewStep();
      const job = this.#held(release);
      if (!job) continue;
      this.#lifecycle.breakRun(job, now);
      if (job.state !== "active") continue;
      job.attempt--;
      if (release.bounce) job.bounces++;
      if (job.cancelRequested) this.#lifecycle.end(job, "cancelled", now, job.error);
      else this.#lifecycle.giveBack(job, release.delay, now);
    }
  }

  async recover(): Promise<port.RecoverReport> {
    const now = this.#now();
    const expired: StoredJob[] = [];
    for (const job of this.#lifecycle.held.values()) {
      if (job.leaseUntil <= now) expired.push(job);
      if (expired.length === STEP) break;
    }
    expired.sort((a, b) => a.sequence - b.sequence);
    let requeued = 0;
    let stalled = 0;
    for (const job of expired) {
      if (this.#lifecycle.cascades.isSpent) break;
      // Another one's end may have voided its reservation.
      if (!this.#lifecycle.held.has(job.id)) continue;
      this.#lifecycle.breakRun(job, now);
      if (job.state !== "active") continue;
      if (this.#recoverOne(job, now) === "failed") stalled++;
      else requeued++;
    }
    const promoted = this.#lifecycle.promoteDue(now, STEP);
    const trimmed = this.#lifecycle.trim(now, STEP);
    const forgotten = this.#table.trimTombstones(now, STEP) + this.#lifecycle.dedupe.trim(now, STEP);
    const { isSpent, isPending } = this.#lifecycle.cascades;
    const more = isSpent || isPending || Math.max(expired.length, promoted, trimmed, forgotten) >= STEP;
    return { requeued, stalled, promoted, trimmed, more };
  }

  #recoverOne(job: StoredJob, now: number): port.JobRecord["state"] {
    const error = reason("STALLED", `The worker holding epoch ${job.epoch} stopped renewing its lease.`);
    job.stalls++;
    job.attempt--;
    job.recordFailure(error, now);
    this.#metrics.count(job.queue.name, "stalled", now);
    if (job.cancelRequested) this.#lifecycle.end(job, "cancelled", now, job.error);
    else if (job.stalls >= job.spec.maxStalls) this.#lifecycle.end(job, "failed", now, error);
    else this.#lifecycle.giveBack(job, 0, now);
    return job.state!;
  }

  async cancel(ids: readonly string[], why: string): Promise<readonly port.CancelOutcome[]> {
    const now = this.#now();
    const error = reason("JOB_CANCELLED", why);
    return ids.map((id) => {
      this.#renewStep();
      const job = this.#table.get(id);
      if (!job) return "unknown";
      if (isTerminal(job.state!)) return "finished";
      if (!this.#lifecycle.held.has(id)) {
        this.#lifecycle.end(job, "cancelled", now, error);
        return "cancelled";
      }
      job.cancelRequested = true;
      job.error = error;
      return "cancelling";
    });
  }

  async retry(ids: readonly string[]): Promise<readonly port.RetryOutcome[]> {
    const now = this.#now();
    return ids.map((id) => {
      this.#renewStep();
      const job = this.#table.get(id);
      if (!job) return "unknown";
      if (job.state !== "failed" && job.state !== "cancelled") return "not-failed";
      this.#lifecycle.reopen(job, now);
      return "retried";
    });
  }

  async remove(ids: readonly string[]): Promise<readonly port.RemoveOutcome[]> {
    const now = this.#now();
    return ids.map((id) => {
      this.#renewStep();
      const job = this.#table.get(id);
      if (!job) return "unknown";
      if (this.#lifecycle.held.has(id)) return "active";
      this.#lifecycle.remove(job, now);
      return "removed";
    });
  }

  async promote(ids: readonly string[]): Promise<readonly port.PromoteOutcome[]> {
    const now = this.#now();
    return ids.map((id) => {
      const job = this.#table.get(id);
      if (!job) return "unknown";
      if (job.state !== "scheduled") return "not-scheduled";
      this.#lifecycle.promote(job, now);
      return "promoted";
    });
  }

  async get(ids: readonly string[]): Promise<readonly (port.JobRecord | null)[]> {
    this.#assertOpen();
    return ids.map((id) => this.#table.get(id)?.toRecord() ?? null);
  }

  async remembered(ids: readonly string[]): Promise<readonly (port.RememberedEnding | null)[]> {
    this.#assertOpen();
    return ids.map((id) => this.#table.remembered(id) ?? null);
  }

  async list({ limit, cursor, ...filter }: port.ListRequest): Promise<port.JobPage> {
    this.#assertOpen();
    const before = cursor === undefined ? undefined : Number(cursor);
    if (Number.isNaN(before))
      throw new QueueError("INVALID_OPTIONS", `"${cursor}" is no cursor of this engine.`);
    const jobs: port.JobRecord[] = [];
    let last = 0;
    for (const job of this.#table.newestFirst(filter, before)) {
      if (jobs.length === limit) return { jobs, cursor: String(last) };
      jobs.push(job.toRecord());
      last = job.sequence;
    }
    return { jobs };
  }

  async counts(): Promise<readonly QueueCounts[]> {
    this.#assertOpen();
    return [...this.#table.queues.values()].map((queue) => queue.toCounts());
  }

  async metrics({ since }: { readonly since: number }): Promise<readonly MetricsBucket[]> {
    this.#assertOpen();
    return this.#metrics.since(since);
  }

  async edges(id: string): Promise<port.JobEdges | null> {
    this.#assertOpen();
    const job = this.#table.get(id);
    if (!job) return null;
    const dependents = [...(job.dependents?.keys() ?? [])]
      .slice(0, SHOWN_DEPENDENTS)
      .map((dependent) => dependent.id);
    const head = job.state === "blocked" ? job.line?.head : undefined;
    return {
      dependencies: job.dependsOn.map((dependency) => ({
        ...dependency,
        state: this.#lifecycle.stateOf(dependency.job) ?? null,
        pending: job.pending?.has(dependency.job) ?? false,
        ...(this.#lifecycle.cascades.get(dependency.job)?.leaves(job) && { undecided: true as const }),
      })),
      dependents,
      ...(head && head !== job && { behind: head.id }),
    };
  }

  async pause(queue: string): Promise<void> {
    this.#assertOpen();
    this.#table.queue(queue).paused = true;
  }

  async resume(queue: string): Promise<void> {
    this.#assertOpen();
    this.#table.queue(queue).paused = false;
    this.#work.wake(queue);
  }

  async clean({ state, queue, olderThan, limit }: port.CleanRequest): Promise<number> {
    const now = this.#now();
    const old: StoredJob[] = [];
    for (const job of this.#table.oldestFirst({ states: [state], ...(queue !== undefined && { queue }) })) {
      if (old.length === limit) break;
      if (job.finishedAt! + olderThan <= now && !this.#lifecycle.isPinned(job)) old.push(job);
    }
    for (const job of old) this.#lifecycle.remove(job, now);
    return old.length;
  }

  async waitForWork(request: port.WaitForWorkRequest): Promise<void> {
    const now = this.#now();
    if (request.queues.some((name) => this.#table.queues.get(name)?.hasWork)) return;
    if (this.#lifecycle.cascades.isPending) return;
    const due = this.#lifecycle.nextDue ?? Number.POSITIVE_INFINITY;
    if (due <= now) return;
    return this.#work.wait(request, Math.min(request.timeout, due - now));
  }

  async subscribe(subscriber: EventSubscriber): Promise<port.Unsubscribe> {
    this.#assertOpen();
    const entry = { ...subscriber };
    this.#subscribers.add(entry);
    return async () => void this.#subscribers.delete(entry);
  }

  logTo(logger: Logger): void {
    this.#logger = safeLogger(logger);
  }

  async health(): Promise<HealthReport> {
    return this.#closed
      ? { ok: false, engine: this.name, latency: 0, problem: engineClosed(this.name).message }
      : { ok: true, engine: this.name, latency: 0 };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscribers.clear();
    this.#work.wakeAll();
  }

  /** The job that a lease holds, if it still does. */
  #held({ id, epoch, token }: port.Lease): StoredJob | undefined {
    const job = this.#lifecycle.held.get(id);
    return job?.epoch === epoch && job.token === token ? job : undefined;
  }

  /** Begins a step. */
  #now(): number {
    this.#assertOpen();
    this.#lifecycle.cascades.beginStep();
    return this.#clock.now();
  }

  /** A call with many parts goes on in another step once one is full. */
  #renewStep(): void {
    if (this.#lifecycle.cascades.isSpent) this.#lifecycle.cascades.beginStep();
  }

  #assertOpen(): void {
    if (this.#closed) throw engineClosed(this.name);
  }

  /** Listeners run after the step that they hear of, so that they may call the engine. */
  #emit(type: EngineEvent["type"], job: StoredJob, at: number): void {
    if (this.#subscribers.size === 0) return;
    if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
    const { id, messageType, epoch, result, error } = job;
    const event: EngineEvent = { type, id, queue: job.queue.name, messageType, epoch, at };
    if (type === "progress" || !isTerminal(type)) this.#unsent.push(event);
    else {
      const ending = { ...(result !== undefined && { result }), ...(error !== undefined && { error }) };
      this.#unsent.push({ ...event, ending });
    }
  }

  #flush(): void {
    const events = this.#unsent;
    this.#unsent = [];
    for (const event of events)
      for (const { onEvent } of this.#subscribers) this.#listenerGuard.call(onEvent, event);
  }
}

function isClock(value: unknown): boolean {
  const { now, after } = Object(value) as Partial<Clock>;
  return typeof now === "function" && typeof after === "function";
}
