import type { Lease } from "../engine/core.ts";
import { engineClosed } from "../engine/engine-closed.ts";
import type { Clock } from "../timing/clock.ts";
import { EventOutlet } from "./event-outlet.ts";
import { FailureGroups } from "./failure-groups.ts";
import type { TombstoneLimits } from "./job-table.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Metrics } from "./metrics.ts";
import type { StoredJob } from "./stored-job.ts";
import { WorkSignal } from "./work-signal.ts";
import { WorkerTable } from "./worker-table.ts";

/** Jobs that one call moves in passing (due, expired, past retention), so that no call takes long. */
export const STEP = 1_000;

/** What the facets of one memory engine share: its jobs, and the steps in which they change. */
export class MemoryStore {
  readonly clock: Clock;
  readonly metrics = new Metrics();
  readonly events = new EventOutlet();
  readonly work: WorkSignal;
  readonly workers = new WorkerTable();
  readonly lifecycle: Lifecycle;
  readonly groups: FailureGroups;
  #isClosed = false;

  /** `stepPoints`: what one step may spend on dependents. */
  constructor(clock: Clock, tombstones: TombstoneLimits, stepPoints: number) {
    this.clock = clock;
    this.work = new WorkSignal(clock);
    this.lifecycle = new Lifecycle(
      {
        metrics: this.metrics,
        onEvent: (type, job, now) => this.events.emit(type, job, now),
        onWork: (job) => this.work.wake(job),
      },
      tombstones,
      stepPoints,
      clock.now(),
    );
    this.groups = new FailureGroups(this.lifecycle.table);
  }

  get table() {
    return this.lifecycle.table;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Starts a step and answers its instant. */
  startStep(): number {
    this.assertOpen();
    this.lifecycle.cascades.beginStep();
    return this.clock.now();
  }

  /** A call with many parts goes on in another step once one is full. */
  renewStep(): void {
    if (this.lifecycle.cascades.isSpent) this.lifecycle.cascades.beginStep();
  }

  /** The job that a lease holds, if it still does. */
  held({ id, epoch, token }: Lease): StoredJob | undefined {
    const job = this.lifecycle.held.get(id);
    return job?.epoch === epoch && job.token === token ? job : undefined;
  }

  assertOpen(): void {
    if (this.#isClosed) throw engineClosed("memory");
  }

  close(): void {
    this.#isClosed = true;
    this.events.close();
    this.work.wakeAll();
  }
}
