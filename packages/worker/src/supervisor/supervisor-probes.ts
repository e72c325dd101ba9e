import { AggregatorRegistry } from "prom-client";
import type { Probe, Probes } from "../endpoints/probes.ts";
import type { Slot } from "./slot.ts";

/** How long a process may take for its metrics, in milliseconds. */
const METRICS_TIMEOUT = 5_000;

/** Answers for all processes of a supervisor. */
export class SupervisorProbes implements Probes {
  readonly #slots: readonly Slot[];

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  live(): Probe {
    return { ok: true };
  }

  /** As long as one process can work, so does the whole: the others are being restarted or replaced. */
  ready(): Probe {
    const ready = this.#slots.filter(({ process }) => process?.isReady).length;
    return ready > 0
      ? { ok: true }
      : { ok: false, reason: `none of ${this.#slots.length} processes is ready` };
  }

  /** The sums over all processes. A process that doesn't answer is left out. */
  async metrics(): ReturnType<Probes["metrics"]> {
    const answers = await Promise.all(this.#slots.map(({ process }) => process?.metrics(METRICS_TIMEOUT)));
    const registry = AggregatorRegistry.aggregate(answers.filter((each) => each !== undefined) as object[]);
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}
