import type { AttemptOutcome } from "../engine/core.ts";

/** Counts how the attempts of a worker ended, from its start. */
export class WorkerCounters {
  completed = 0;
  failed = 0;
  retried = 0;
  cancelled = 0;
  /** Not run, or stopped by a shutdown. */
  released = 0;
  /** Leases lost, and outcomes that the engine refused because of that. */
  lost = 0;

  settled(type: AttemptOutcome["type"], isAccepted: boolean): void {
    if (!isAccepted) this.lost++;
    else if (type === "complete") this.completed++;
    else if (type === "fail") this.failed++;
    else if (type === "retry") this.retried++;
    else this.cancelled++;
  }
}
