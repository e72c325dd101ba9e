import type { AttemptInfo, Middleware, Registry } from "@org/queue";
import { Counter, Gauge, Histogram, type Registry as PromRegistry } from "prom-client";
import { BUCKETS, MetricNames } from "./metric-names.ts";

const OUTCOMES = ["completed", "retrying", "failed", "cancelled", "released"] as const;

/** Counts and times the attempts of this process. */
export class AttemptMetrics {
  readonly middleware: Middleware;
  readonly #names: MetricNames;
  readonly #attempts: Counter;
  readonly #running: Gauge;
  readonly #run: Histogram;

  constructor(registry: Registry, prom: PromRegistry) {
    const registers = [prom];
    const labelNames = ["queue", "message"];
    this.#names = new MetricNames(registry);
    this.#attempts = new Counter({
      name: "queue_attempts_total",
      help: "Attempts that ended in this process, by outcome.",
      labelNames: [...labelNames, "outcome"],
      registers,
    });
    this.#running = new Gauge({
      name: "queue_attempts_running",
      help: "Handlers that run now.",
      labelNames,
      registers,
      aggregator: "sum",
    });
    this.#run = new Histogram({
      name: "queue_run_seconds",
      help: "How long handlers of this process ran.",
      labelNames,
      buckets: [...BUCKETS],
      registers,
    });
    // A counter that begins at its first event hides that event from `rate`.
    for (const { name: message, queue } of registry.messages) {
      this.#running.set({ queue, message }, 0);
      this.#run.zero({ queue, message });
      for (const outcome of OUTCOMES) this.#attempts.inc({ queue, message, outcome }, 0);
    }
    this.middleware = {
      run: async ({ job }, next) => {
        const labels = this.#labels(job);
        const startedAt = performance.now();
        this.#running.inc(labels);
        try {
          return await next();
        } finally {
          this.#running.dec(labels);
          this.#run.observe(labels, (performance.now() - startedAt) / 1_000);
        }
      },
      settled: ({ job, outcome }) => this.#attempts.inc({ ...this.#labels(job), outcome }),
    };
  }

  #labels({ queue, messageType }: AttemptInfo) {
    return { queue: this.#names.queue(queue), message: this.#names.message(messageType) };
  }
}
