import type { QueueCounts } from "../engine/queues.ts";
import type { JobState } from "../engine/state-machine.ts";
import type { HandledMessages } from "./handled-messages.ts";
import type { OrderingLine } from "./ordering-line.ts";
import { ReadyJobs } from "./ready-jobs.ts";

/** What the engine keeps per queue beside its jobs. */
export class QueueState {
  readonly name: string;
  readonly ready = new ReadyJobs();
  /** By ordering key; a line goes when it is empty. */
  readonly lines = new Map<string, OrderingLine>();
  readonly counts: Record<JobState, number> = {
    blocked: 0,
    scheduled: 0,
    queued: 0,
    active: 0,
    completed: 0,
    failed: 0,
    cancelled: 0,
  };
  paused = false;

  constructor(name: string) {
    this.name = name;
  }

  get hasJobs(): boolean {
    return Object.values(this.counts).some((count) => count > 0);
  }

  hasWork(handled: HandledMessages): boolean {
    return !this.paused && this.ready.has(handled);
  }

  toCounts(now: number): QueueCounts {
    const since = this.ready.waitingSince;
    return {
      queue: this.name,
      paused: this.paused,
      states: { ...this.counts },
      ...(since !== undefined && { oldestWaiting: now - since }),
    };
  }
}
