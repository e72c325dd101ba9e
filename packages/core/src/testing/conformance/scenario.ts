import assert from "node:assert/strict";
import type { AttemptOutcome, ClaimedJob, EnqueueOutcome, Lease, LeaseStatus } from "../../engine/core.ts";
import type { CompleteEngine } from "../../engine/engine.ts";
import type { EngineEvent, EventFilter } from "../../engine/events.ts";
import type { JobEdges } from "../../engine/inspect.ts";
import type { JobRecord } from "../../engine/job.ts";
import type { QueueCounts } from "../../engine/queues.ts";
import type { JobState } from "../../engine/state-machine.ts";
import type { Clock } from "../../timing/clock.ts";
import type { EngineUnderTest } from "./case.ts";
import { errorText } from "./new-error.ts";
import { type JobSpec, newJob, QUEUE } from "./new-job.ts";
import { withWhatIsOffered } from "./offered.ts";
import { LEASE, MARGIN } from "./timing.ts";

type Verdict = "accepted" | "stale";

/** Operations of cases on the engine under test. Each one asserts that it worked. */
export class Scenario {
  readonly engine: CompleteEngine;
  readonly clock: Clock;
  readonly #under: EngineUnderTest;

  constructor(under: EngineUnderTest) {
    this.engine = withWhatIsOffered(under.engine);
    this.clock = under.clock;
    this.#under = under;
  }

  /** An engine on the same jobs, like in another process. */
  async peer(): Promise<CompleteEngine> {
    return withWhatIsOffered(await this.#under.peer());
  }

  /** Advances the engine's clock by a little more than a duration. */
  elapse(milliseconds: number): Promise<void> {
    return this.#under.elapse(milliseconds + MARGIN);
  }

  // ── Sending ─────────────────────────────────────────────────────────────────────────────────────────

  /** Sends one batch and returns its outcome, accepted or refused. */
  async offer(...specs: readonly JobSpec[]): Promise<EnqueueOutcome> {
    const [outcome] = await this.engine.core.enqueue([{ jobs: specs.map(newJob) }]);
    assert(outcome, "one outcome per batch");
    return outcome;
  }

  /** Sends one batch and returns the ids of its jobs. */
  async sendBatch(...specs: readonly JobSpec[]): Promise<readonly string[]> {
    const outcome = await this.offer(...specs);
    assert(outcome.ok, `the batch was refused: ${JSON.stringify(outcome)}`);
    assert.equal(outcome.jobs.length, specs.length, "one result per job");
    return outcome.jobs.map(({ id }) => id);
  }

  async send(spec: JobSpec = {}): Promise<string> {
    const [id] = await this.sendBatch(spec);
    return id!;
  }

  /** Sends jobs one after the other. */
  async sendEach(...specs: readonly JobSpec[]): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const spec of specs) ids.push(await this.send(spec));
    return ids;
  }

  /** Sends a job and ends it in this state. */
  async sendEnded(state: "completed" | "failed" | "cancelled", spec: JobSpec = {}): Promise<string> {
    const id = await this.send(spec);
    await this.endNext(state, id, spec.queue);
    return id;
  }

  /** Claims the next job, which must have this id, and ends it. Returns its lease. */
  async endNext(state: "completed" | "failed" | "cancelled", id: string, queue?: string): Promise<Lease> {
    const lease = await this.take(id, queue);
    if (state === "completed") await this.complete(lease);
    else if (state === "failed") await this.fail(lease);
    else await this.cancelAttempt(lease);
    return lease;
  }

  // ── Running ─────────────────────────────────────────────────────────────────────────────────────────

  async claim(limit = 1, queues: readonly string[] = [QUEUE], lease = LEASE): Promise<readonly ClaimedJob[]> {
    return (await this.engine.core.claim({ queues, limit, lease })).jobs;
  }

  /** The ids that a claim with this limit returns, in order. */
  async claimIds(limit = 100, queues?: readonly string[]): Promise<readonly string[]> {
    return (await this.claim(limit, queues)).map(({ id }) => id);
  }

  /** Claims the next job, which must have this id. */
  async take(id: string, queue = QUEUE, lease = LEASE): Promise<ClaimedJob> {
    const [job] = await this.claim(1, [queue], lease);
    assert.equal(job?.id, id, `the next job of ${queue}`);
    return job!;
  }

  /** Claims a run of one key, which must have these ids. */
  async takeRun(ids: readonly string[], lease = LEASE, run = ids.length): Promise<readonly ClaimedJob[]> {
    const { jobs } = await this.engine.core.claim({ queues: [QUEUE], limit: 100, lease, run });
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ids,
      "the run",
    );
    return jobs;
  }

  async settle(...outcomes: readonly AttemptOutcome[]): Promise<readonly Verdict[]> {
    return (await this.engine.core.settle({ outcomes })).verdicts;
  }

  async complete({ id, epoch, token }: Lease, result?: string): Promise<void> {
    const outcome: AttemptOutcome = {
      id,
      epoch,
      token,
      type: "complete",
      ...(result !== undefined && { result }),
    };
    assert.deepEqual(await this.settle(outcome), ["accepted"], `completing ${id}`);
  }

  async fail({ id, epoch, token }: Lease, error = errorText("BROKEN")): Promise<void> {
    assert.deepEqual(
      await this.settle({ id, epoch, token, type: "fail", error }),
      ["accepted"],
      `failing ${id}`,
    );
  }

  /** Ends the attempt as cancelled, like the worker of a job with a cancel request. */
  async cancelAttempt({ id, epoch, token }: Lease): Promise<void> {
    const error = errorText("JOB_CANCELLED");
    const verdicts = await this.settle({ id, epoch, token, type: "cancel", error });
    assert.deepEqual(verdicts, ["accepted"], `cancelling ${id}`);
  }

  /** Ends the attempt with a retry. */
  async retryAttempt({ id, epoch, token }: Lease, delay = 0, error = errorText("BROKEN")): Promise<void> {
    const verdicts = await this.settle({ id, epoch, token, type: "retry", error, delay });
    assert.deepEqual(verdicts, ["accepted"], `retrying ${id}`);
  }

  /** Claims and completes the next job, which must have this id. */
  async run(id: string, queue?: string): Promise<void> {
    await this.complete(await this.take(id, queue));
  }

  /** Runs every runnable job, one at a time, and returns their order. */
  async runAll(queues?: readonly string[]): Promise<readonly string[]> {
    const order: string[] = [];
    for (;;) {
      const [job] = await this.claim(1, queues);
      if (!job) return order;
      order.push(job.id);
      await this.complete(job);
    }
  }

  async beat({ id, epoch, token }: Lease, lease = LEASE): Promise<LeaseStatus> {
    const [reply] = await this.engine.core.extend({ leases: [{ id, epoch, token }], lease });
    return reply!.status;
  }

  async release({ id, epoch, token }: Lease, delay = 0, bounce = false): Promise<void> {
    await this.engine.core.release([{ id, epoch, token, delay, bounce }]);
  }

  /** Runs maintenance until there is nothing left to do. Returns the sums of its reports. */
  async recover() {
    const sum = { requeued: 0, stalled: 0, promoted: 0, trimmed: 0 };
    for (let more = true; more; ) {
      const report = await this.engine.core.recover();
      sum.requeued += report.requeued;
      sum.stalled += report.stalled;
      sum.promoted += report.promoted;
      sum.trimmed += report.trimmed;
      more = report.more;
    }
    return sum;
  }

  // ── Operating ───────────────────────────────────────────────────────────────────────────────────────

  async cancel(id: string, reason = "no longer needed"): Promise<void> {
    assert.deepEqual(await this.engine.operate.cancel([{ id }], reason), ["cancelled"], `cancelling ${id}`);
  }

  async retry(id: string): Promise<void> {
    assert.deepEqual(await this.engine.operate.retry([{ id }]), ["retried"], `retrying ${id}`);
  }

  async remove(id: string): Promise<void> {
    assert.deepEqual(await this.engine.operate.remove([{ id }]), ["removed"], `removing ${id}`);
  }

  // ── Reading ─────────────────────────────────────────────────────────────────────────────────────────

  async job(id: string): Promise<JobRecord> {
    const [record] = await this.engine.inspect.get([{ id }]);
    assert(record, `${id} is stored`);
    return record;
  }

  async isStored(id: string): Promise<boolean> {
    return (await this.engine.inspect.get([{ id }]))[0] !== null;
  }

  async state(id: string): Promise<JobState> {
    return (await this.job(id)).state;
  }

  /** Asserts the states of jobs, by id. */
  async expect(states: Readonly<Record<string, JobState>>): Promise<void> {
    const ids = Object.keys(states);
    const records = await this.engine.inspect.get(ids.map((id) => ({ id })));
    const found = Object.fromEntries(ids.map((id, index) => [id, records[index]?.state ?? "not stored"]));
    assert.deepEqual(found, { ...states });
  }

  /** The code of a job's error. */
  async errorCode(id: string): Promise<string> {
    const { error } = await this.job(id);
    assert(error, `${id} has an error`);
    return JSON.parse(error).code;
  }

  async edges(id: string, limit?: number): Promise<JobEdges> {
    const [edges] = await this.engine.inspect.edges([{ id }], limit === undefined ? {} : { limit });
    assert(edges, `${id} is stored`);
    return edges;
  }

  /** Ids of the jobs that wait for this one. */
  async waitingFor(id: string): Promise<readonly string[]> {
    return (await this.edges(id)).dependents.filter(({ pending }) => pending).map(({ job }) => job);
  }

  async counts(queue = QUEUE): Promise<QueueCounts> {
    const found = (await this.engine.queues.counts()).find((counts) => counts.queue === queue);
    assert(found, `${queue} is counted`);
    return found;
  }

  /**
   * Subscribes to events, with detail unless the filter says otherwise. `until` resolves once the events so far satisfy the condition. An engine may deliver events
   * after the call that caused them resolves.
   */
  async listen(filter: EventFilter = { detail: true }) {
    const events: EngineEvent[] = [];
    let wake = () => {};
    const onEvent = (event: EngineEvent) => {
      events.push(event);
      wake();
    };
    const unsubscribe = await this.engine.events.subscribe({ ...filter, onEvent });
    const until = async (enough: (events: readonly EngineEvent[]) => boolean) => {
      while (!enough(events)) await new Promise<void>((resolve) => (wake = resolve));
    };
    return { events, until, unsubscribe };
  }
}
