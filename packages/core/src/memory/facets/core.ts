import type {
  AttemptOutcome,
  ClaimedJob,
  ClaimReply,
  ClaimRequest,
  EngineCore,
  EnqueueBatch,
  EnqueueOutcome,
  ExtendRequest,
  LeaseReply,
  RecoverReport,
  RecoverRequest,
  Release,
  SettleReply,
  SettleRequest,
  WaitForWorkRequest,
} from "../../engine/core.ts";
import { engineClosed } from "../../engine/engine-closed.ts";
import { messageOfError, stalledError } from "../../engine/engine-errors.ts";
import { stalledGroup } from "../../engine/failure-groups.ts";
import type { HealthReport } from "../../engine/health-report.ts";
import type { JobState } from "../../engine/state-machine.ts";
import { planBatch } from "../batch-plan.ts";
import { resolveHandled } from "../handled-messages.ts";
import { type MemoryStore, STEP } from "../memory-store.ts";
import type { StoredJob } from "../stored-job.ts";

const HELD: LeaseReply = Object.freeze({ status: "held" });
const LOST: LeaseReply = Object.freeze({ status: "lost" });

/** The facet `core` of the memory engine. */
export class MemoryCore implements EngineCore {
  #claims = 0;
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async enqueue(batches: readonly EnqueueBatch[]): Promise<readonly EnqueueOutcome[]> {
    const now = this.#store.startStep();
    const known = {
      isKnown: (id: string) => this.#store.lifecycle.stateOf(id) !== undefined,
      messageOf: (id: string) => this.#store.table.messageOf(id),
      dedupedTo: (key: string) => this.#store.lifecycle.dedupe.get(key, now),
    };
    return batches.map((batch) => {
      const plan = planBatch(batch, known);
      if (!plan.ok) return plan;
      this.#store.lifecycle.admit(plan.create, now);
      return { ok: true, jobs: plan.jobs };
    });
  }

  async claim(request: ClaimRequest): Promise<ClaimReply> {
    const now = this.#store.startStep();
    const jobs = this.#claim(request, now);
    return { jobs, ...this.#nextIn(jobs, now) };
  }

  /** Of a call that claimed these. `expiry`: when retention is over, where that counts. */
  #nextIn(
    claimed: readonly ClaimedJob[],
    now: number,
    expiry = Number.POSITIVE_INFINITY,
  ): { readonly nextIn?: number } {
    if (claimed.length > 0) return {};
    const { cascades, nextDue, nextLeaseEnd } = this.#store.lifecycle;
    if (cascades.isPending) return { nextIn: 0 };
    const due = nextDue === undefined ? Number.POSITIVE_INFINITY : Math.max(0, nextDue - now);
    // One that is over is for `recover`: claiming again changes nothing.
    const lease = nextLeaseEnd === undefined ? Number.POSITIVE_INFINITY : Math.max(1, nextLeaseEnd - now);
    const nextIn = Math.min(due, lease, Math.max(0, expiry - now));
    return nextIn === Number.POSITIVE_INFINITY ? {} : { nextIn };
  }

  #claim({ queues, limit, lease, run = 1, handles }: ClaimRequest, now: number): ClaimedJob[] {
    this.#store.lifecycle.promoteDue(now, STEP);
    const claimed: ClaimedJob[] = [];
    const handled = resolveHandled(handles);
    const hold = { token: String(++this.#claims), lease };
    for (const name of queues) {
      const queue = this.#store.table.queues.get(name);
      if (!queue?.hasWork(handled)) continue;
      while (claimed.length < limit) {
        const job = this.#store.lifecycle.claim(queue, handled, hold, now);
        if (!job) break;
        claimed.push(job.toClaimed());
        const followers = Math.min(run - 1, limit - claimed.length);
        if (followers <= 0 || !job.line) continue;
        for (const reserved of this.#store.lifecycle.reserve(job.line, followers, handled, hold, now)) {
          claimed.push(reserved.toClaimed(claimed.at(-1)!.id));
        }
      }
    }
    return claimed;
  }

  async settle({ outcomes, claim }: SettleRequest): Promise<SettleReply> {
    const now = this.#store.startStep();
    const verdicts = outcomes.map((outcome) => {
      this.#store.renewStep();
      const job = this.#store.held(outcome);
      // One that is reserved hasn't begun: whoever says how it ended is ahead of its turn.
      if (job?.state !== "active") return "stale";
      this.#settleOne(job, outcome, now);
      return "accepted";
    });
    const claimed = claim ? this.#claim(claim, now) : [];
    return {
      verdicts,
      claimed,
      ...(claim && this.#nextIn(claimed, now)),
      paused: claim?.queues.filter((name) => this.#store.table.queues.get(name)?.paused) ?? [],
    };
  }

  #settleOne(job: StoredJob, outcome: AttemptOutcome, now: number): void {
    if (outcome.type === "complete") {
      job.result = outcome.result;
      this.#store.lifecycle.end(job, "completed", now);
      return;
    }
    if (outcome.type !== "cancel") job.recordFailure(outcome.error, now);
    // Also when the worker hadn't heard yet: a job told to stop completes or is cancelled.
    if (outcome.type === "cancel" || job.cancelRequested) {
      this.#store.lifecycle.end(job, "cancelled", now, outcome.error);
    } else if (outcome.type === "fail") {
      if (outcome.group) this.#store.groups.count(job, outcome.group, "failed", now);
      this.#store.lifecycle.end(job, "failed", now, outcome.error);
    } else {
      if (outcome.group) this.#store.groups.count(job, outcome.group, "retried", now);
      job.error = outcome.error;
      this.#store.metrics.count(job, "retried", now);
      this.#store.metrics.time(job, "running", now - job.startedAt!, now);
      this.#store.lifecycle.requeue(job, outcome.delay, now);
    }
  }

  async extend({ leases, lease }: ExtendRequest): Promise<readonly LeaseReply[]> {
    const now = this.#store.startStep();
    return leases.map((heartbeat) => {
      const job = this.#store.held(heartbeat);
      if (!job) return LOST;
      job.leaseUntil = now + lease;
      if (heartbeat.logs?.length) job.appendLogs(heartbeat.logs);
      if (heartbeat.progress !== undefined) {
        job.progress = heartbeat.progress;
        this.#store.events.emit("progress", job, now);
      }
      return job.cancelRequested ? { status: "cancelling", reason: messageOfError(job.error!)! } : HELD;
    });
  }

  async release(releases: readonly Release[]): Promise<void> {
    const now = this.#store.startStep();
    for (const release of releases) {
      this.#store.renewStep();
      const job = this.#store.held(release);
      if (!job) continue;
      this.#store.lifecycle.breakRun(job, now);
      if (job.state !== "active") continue;
      job.attempt--;
      if (release.bounce) job.bounces++;
      if (job.cancelRequested) this.#store.lifecycle.end(job, "cancelled", now, job.error);
      else {
        job.startedAt = undefined;
        this.#store.lifecycle.requeue(job, release.delay, now);
      }
    }
  }

  async recover({ beat }: RecoverRequest = {}): Promise<RecoverReport> {
    const now = this.#store.startStep();
    const isRegistered = !beat || this.#store.workers.beat(beat, now);
    this.#store.workers.dropDead(now);
    const expired: StoredJob[] = [];
    for (const job of this.#store.lifecycle.held.values()) {
      if (job.leaseUntil <= now) expired.push(job);
      if (expired.length === STEP) break;
    }
    expired.sort((a, b) => a.sequence - b.sequence);
    let requeued = 0;
    let stalled = 0;
    for (const job of expired) {
      if (this.#store.lifecycle.cascades.isSpent) break;
      // Another one's end may have voided its reservation.
      if (!this.#store.lifecycle.held.has(job.id)) continue;
      this.#store.lifecycle.breakRun(job, now);
      if (job.state !== "active") continue;
      if (this.#recoverOne(job, now) === "failed") stalled++;
      else requeued++;
    }
    const promoted = this.#store.lifecycle.promoteDue(now, STEP);
    const trimmed = this.#store.lifecycle.trim(now, STEP);
    const forgotten =
      this.#store.table.trimTombstones(now, STEP) + this.#store.lifecycle.dedupe.trim(now, STEP);
    const { cascades, nextExpiry } = this.#store.lifecycle;
    const { isSpent, isPending } = cascades;
    const more = isSpent || isPending || Math.max(expired.length, promoted, trimmed, forgotten) >= STEP;
    return {
      requeued,
      stalled,
      promoted,
      trimmed,
      more,
      ...this.#nextIn([], now, nextExpiry),
      ...(!isRegistered && { isUnregistered: true }),
    };
  }

  #recoverOne(job: StoredJob, now: number): JobState {
    const error = stalledError(job.epoch);
    job.stalls++;
    job.attempt--;
    job.recordFailure(error, now);
    this.#store.metrics.count(job, "stalled", now);
    if (job.cancelRequested) this.#store.lifecycle.end(job, "cancelled", now, job.error);
    else {
      const isLast = job.stalls >= job.spec.maxStalls;
      this.#store.groups.count(job, stalledGroup(job.messageType), isLast ? "failed" : "retried", now);
      if (isLast) this.#store.lifecycle.end(job, "failed", now, error);
      else this.#store.lifecycle.requeue(job, 0, now);
    }
    return job.state!;
  }

  async waitForWork(request: WaitForWorkRequest): Promise<void> {
    const now = this.#store.startStep();
    const handled = resolveHandled(request.handles);
    if (request.queues.some((name) => this.#store.table.queues.get(name)?.hasWork(handled))) return;
    if (this.#store.lifecycle.cascades.isPending) return;
    const due = this.#store.lifecycle.nextDue ?? Number.POSITIVE_INFINITY;
    if (due <= now) return;
    return this.#store.work.wait(request, Math.min(request.timeout, due - now));
  }

  async health(): Promise<HealthReport> {
    if (this.#store.isClosed) {
      return { ok: false, engine: "memory", latency: 0, problem: engineClosed("memory").message };
    }
    const used = heapUsed();
    return { ok: true, engine: "memory", latency: 0, ...(used !== undefined && { memory: { used } }) };
  }

  async close(): Promise<void> {
    this.#store.close();
  }
}

/** Bytes. Some runtimes have no `process`, or one that doesn't tell. */
function heapUsed(): number | undefined {
  return globalThis.process?.memoryUsage?.().heapUsed;
}
