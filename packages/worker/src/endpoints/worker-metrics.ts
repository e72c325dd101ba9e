import type { Middleware, Queue } from "@org/queue";
import { collectDefaultMetrics, Registry } from "prom-client";
import { AttemptMetrics } from "./attempt-metrics.ts";
import { EngineMetrics } from "./engine-metrics.ts";

/** The metrics of one worker process, in a registry of their own. */
export class WorkerMetrics {
  readonly #prom = new Registry();
  readonly #engine: EngineMetrics;
  readonly middleware: Middleware;

  constructor(queue: Queue) {
    this.middleware = new AttemptMetrics(queue.registry, this.#prom).middleware;
    this.#engine = new EngineMetrics(queue, this.#prom);
    collectDefaultMetrics({ register: this.#prom });
  }

  /** In Prometheus's text format. */
  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    await this.#engine.collect();
    return { contentType: this.#prom.contentType, text: await this.#prom.metrics() };
  }

  /** As `AggregatorRegistry.aggregate` of prom-client takes it, to join those of several processes. */
  async json(): Promise<unknown> {
    await this.#engine.collect();
    return this.#prom.getMetricsAsJSON();
  }
}
