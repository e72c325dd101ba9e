import type { Middleware, Queue } from "@org/queue";
import { Counter, Registry } from "prom-client";
import { AttemptMetrics } from "./attempt-metrics.ts";
import { EngineMetrics } from "./engine-metrics.ts";
import { OutboxMetrics } from "./outbox-metrics.ts";
import { collectProcessMetrics } from "./process-metrics.ts";

/** The metrics of one worker process, in a registry of their own. */
export class WorkerMetrics {
  readonly #prom = new Registry();
  readonly #engine: EngineMetrics;
  readonly #outbox: OutboxMetrics;
  readonly middleware: Middleware;

  constructor(queue: Queue) {
    this.middleware = new AttemptMetrics(queue.registry, this.#prom).middleware;
    const errors = new Counter({
      name: "queue_scrape_errors_total",
      help: "Scrapes whose figures the engine or the outbox didn't give, or not in time.",
      labelNames: ["source"],
      registers: [this.#prom],
    });
    for (const source of ["engine", "outbox"]) errors.inc({ source }, 0);
    this.#engine = new EngineMetrics(queue, this.#prom, errors);
    this.#outbox = new OutboxMetrics(queue, this.#prom, errors);
    collectProcessMetrics(this.#prom);
  }

  /** In Prometheus's text format. */
  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    await this.#collect();
    return { contentType: this.#prom.contentType, text: await this.#prom.metrics() };
  }

  /** As `AggregatorRegistry.aggregate` of prom-client takes it, to join those of several processes. */
  async json(): Promise<unknown> {
    await this.#collect();
    return this.#prom.getMetricsAsJSON();
  }

  async #collect(): Promise<void> {
    await Promise.all([this.#engine.collect(), this.#outbox.collect()]);
  }
}
