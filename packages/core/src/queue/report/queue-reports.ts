import { parseOptions } from "../../contract/options.ts";
import type { MetricsBucket } from "../../engine/queues.ts";
import type { QueueContext } from "../queue-context.ts";
import { type MetricsOptions, metricsSchema } from "../queue-options.ts";
import { type QueueHealth, readHealth } from "./health.ts";
import { readStats, type Stats } from "./stats.ts";
import { readWorkers, type WorkerSnapshot } from "./workers.ts";

/** How the queues and their engine are doing. */
export class QueueReports {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  async stats(): Promise<Stats> {
    this.#context.assertOpen();
    const { engine, registry, clock } = this.#context;
    return readStats(engine, registry, clock);
  }

  async health(): Promise<QueueHealth> {
    const { engine, registry, clock } = this.#context;
    return readHealth(engine, registry, clock);
  }

  async workers(): Promise<readonly WorkerSnapshot[]> {
    return readWorkers(this.#context.facet("workers"));
  }

  async metrics(options: MetricsOptions): Promise<readonly MetricsBucket[]> {
    const queues = this.#context.facet("queues");
    const { since } = parseOptions("metrics", metricsSchema, options);
    return queues.metrics({ since: Number(since) });
  }
}
