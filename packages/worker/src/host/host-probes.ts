import type { Worker } from "@org/queue";
import type { Probe, Probes } from "../endpoints/probes.ts";
import type { WorkerMetrics } from "../endpoints/worker-metrics.ts";
import type { EngineProbe } from "./engine-probe.ts";

/** A worker claims at least every `pollInterval`, which is a minute at most; this leaves slow engines some time. */
const MAX_CLAIM_AGE = 90_000;

/** Answers for the workers of this process. */
export class HostProbes implements Probes {
  readonly #workers: readonly Worker[];
  readonly #metrics: WorkerMetrics;
  readonly #engine: Pick<EngineProbe, "problem">;
  /** Why it isn't ready any more. */
  stopping: string | undefined;

  constructor(workers: readonly Worker[], metrics: WorkerMetrics, engine: Pick<EngineProbe, "problem">) {
    this.#workers = workers;
    this.#metrics = metrics;
    this.#engine = engine;
  }

  live(): Probe {
    return { ok: true };
  }

  ready(): Probe {
    if (this.stopping !== undefined) return { ok: false, reason: this.stopping };
    for (const worker of this.#workers) {
      const { state, lastClaimAt } = worker.stats();
      if (state !== "running") return { ok: false, reason: `a worker is ${state}` };
      if (!lastClaimAt) return { ok: false, reason: "the engine has answered no claim yet" };
      const age = Date.now() - lastClaimAt.getTime();
      if (age > MAX_CLAIM_AGE) {
        return { ok: false, reason: `the engine answered the last claim ${Math.round(age / 1_000)} s ago` };
      }
    }
    const { problem } = this.#engine;
    return problem === undefined ? { ok: true } : { ok: false, reason: problem };
  }

  metrics(): ReturnType<Probes["metrics"]> {
    return this.#metrics.text();
  }
}
