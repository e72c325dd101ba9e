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
  /** Jobs became runnable. */
  readonly onWork: () => void;
}

const OPERATION = "do the engine's maintenance";

/** The worker's share of the engine's maintenance: expired leases, due jobs, retention. */
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
      // A bounded turn left work behind; other work gets its turn in between.
      if (more) pause = 0;
    } catch (error) {
      if (this.#isStopped) return;
      pause = Math.max(interval, failureLog.failed(OPERATION, error));
    }
    if (!this.#isStopped) this.#cancelTimer = clock.after(pause, () => void this.#turn());
  }
}
