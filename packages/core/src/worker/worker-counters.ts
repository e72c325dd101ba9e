import type { AttemptOutcome } from "../engine/core.ts";

/** How the attempts of a worker ended, since it was started. */
export class WorkerCounters {
  completed = 0;
  failed = 0;
  retried = 0;
  cancelled = 0;
  /** Given back unrun, or on shutdown. */
  released = 0;
  /** Leases lost, and outcomes that the engine refused because the lease was. */
  lost = 0;

  settled(type: AttemptOutcome["type"], isAccepted: boolean): void {
    if (!isAccepted) this.lost++;
    else if (type === "complete") this.completed++;
    else if (type === "fail") this.failed++;
    else if (type === "retry") this.retried++;
    else this.cancelled++;
  }
}
