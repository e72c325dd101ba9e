import type { Message } from "../contract/message.ts";
import type { Engine } from "../engine/engine.ts";
import type { Logger } from "../logging/logger.ts";
import { coverageOf } from "../queue/report/coverage.ts";
import type { CancelTimer, Clock } from "../timing/clock.ts";

/** Time for other workers to register: those of an app start together, those of a deployment one by one. */
const GRACE = 10_000;

/** What was logged of each engine in this process: an app may have a worker for each message. */
const reported = new WeakMap<Engine, Set<string>>();

interface UnhandledCheckParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly queues: readonly string[];
  /** The messages of the worker's queues that it doesn't handle. */
  readonly unhandled: readonly Message[];
}

/** Warns of messages in a worker's queues that neither it nor any other live worker handles. */
export class UnhandledCheck {
  readonly #parts: UnhandledCheckParts;
  #cancelTimer: CancelTimer | undefined;

  constructor(parts: UnhandledCheckParts) {
    this.#parts = parts;
  }

  /** Where the engine keeps no list of workers, at once and of the worker itself. */
  start(): void {
    const { engine, clock, queues, unhandled } = this.#parts;
    if (unhandled.length === 0) return;
    if (engine.workers) this.#cancelTimer = clock.after(GRACE, () => void this.#look());
    else this.#warn(`This worker serves ${queues.join(", ")} without a handler for`, unhandled);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  /** Never rejects: `explain` and `health` say it too. */
  async #look(): Promise<void> {
    const { engine, queues, unhandled } = this.#parts;
    const live = await engine.workers?.list().catch(() => undefined);
    if (!live) return;
    const known = reported.get(engine) ?? new Set<string>();
    reported.set(engine, known);
    const missing = unhandled.filter(({ name, version, queue }) => {
      if (known.has(name)) return false;
      return !coverageOf({ queue, message: name, version }, live).isHandled;
    });
    if (missing.length === 0) return;
    for (const { name } of missing) known.add(name);
    this.#warn(`No live worker of ${queues.join(", ")} handles`, missing);
  }

  #warn(what: string, messages: readonly Message[]): void {
    const names = messages.map(({ name }) => name).join(", ");
    this.#parts.logger.warn(`${what} ${names}. Those jobs stay queued for a worker that handles them.`);
  }
}
