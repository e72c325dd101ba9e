import { parseOptions } from "../../contract/options.ts";
import type { Finding } from "../../engine/finding.ts";
import { messageOf } from "../../errors/thrown.ts";
import type { QueueContext } from "../queue-context.ts";
import { type MetricsOptions, metricsSchema, type StatsOptions, statsSchema } from "../queue-options.ts";
import { type MessageCoverage, readCoverage } from "./coverage.ts";
import { type QueueHealth, readHealth } from "./health.ts";
import { type QueueMetrics, readMetrics } from "./metrics.ts";
import { readStats, type Stats } from "./stats.ts";
import { readWorkers, type WorkerSnapshot } from "./workers.ts";

/** How the queues and their engine are doing. */
export class QueueReports {
  readonly #context: QueueContext;

  constructor(context: QueueContext) {
    this.#context = context;
  }

  async stats(options: StatsOptions = {}): Promise<Stats> {
    this.#context.assertOpen();
    const { engine, registry, clock } = this.#context;
    return readStats(engine, registry, clock, parseOptions("stats", statsSchema, options));
  }

  async health(): Promise<QueueHealth> {
    const { engine, registry, clock } = this.#context;
    return readHealth(engine, registry, clock);
  }

  async diagnose(): Promise<readonly Finding[]> {
    const { core } = this.#context.engine;
    try {
      return (await core.diagnose?.()) ?? [];
    } catch (error) {
      return [{ check: "engine", status: "problem", text: messageOf(error) }];
    }
  }

  async coverage(): Promise<readonly MessageCoverage[]> {
    return readCoverage(this.#context.registry, this.#context.facet("workers"));
  }

  async workers(): Promise<readonly WorkerSnapshot[]> {
    return readWorkers(this.#context.facet("workers"));
  }

  async metrics(options: MetricsOptions): Promise<readonly QueueMetrics[]> {
    this.#context.assertOpen();
    const { since, byMessage } = parseOptions("metrics", metricsSchema, options);
    return readMetrics(this.#context.engine, { since: Number(since), byMessage });
  }
}
