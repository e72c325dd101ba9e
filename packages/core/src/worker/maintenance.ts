import type { Engine } from "../engine/engine.ts";
import type { Clock } from "../timing/clock.ts";
import { type Deadline, ENGINE_TIMEOUT } from "../timing/deadline.ts";
import type { FailureLog } from "./failure-log.ts";

export interface MaintenanceParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly failureLog: FailureLog;
  readonly deadline: Deadline;
  /** Milliseconds. */
  readonly interval: number;
  /** Called when jobs became runnable. */
  readonly onWork: () => void;
}

const OPERATION = "do the engine's maintenance";

/** Calls the engine's maintenance at intervals: expired leases, due jobs, retention. */
export class Maintenance {
  readonly #parts: MaintenanceParts;
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #turn(): Promise<void> {
    const { engine, clock, failureLog, deadline, interval, onWork } = this.#parts;
    let pause = interval;
    try {
      const { requeued, promoted, more } = await deadline.limit(engine.core.recover(), ENGINE_TIMEOUT);
      if (this.#isStopped) return;
      failureLog.succeeded(OPERATION);
      if (requeued + promoted > 0) onWork();
      // One call is bounded. The next follows at once, with other work in between.
      if (more) pause = 0;
    } catch (error) {
      if (this.#isStopped) return;
      pause = Math.max(interval, failureLog.failed(OPERATION, error));
    }
    if (!this.#isStopped) this.#cancelTimer = clock.after(pause, () => void this.#turn());
  }
}
