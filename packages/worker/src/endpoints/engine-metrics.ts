import { isQueueError, type Queue, type Stats } from "@org/queue";
import { type Counter, Gauge, type Registry as PromRegistry } from "prom-client";
import { MetricNames } from "./metric-names.ts";
import { SharedRead } from "./shared-read.ts";
import { WaitHistogram } from "./wait-histogram.ts";

interface Figures {
  readonly stats: Stats;
  /** Milliseconds until the engine had answered. */
  readonly latency: number;
}

/** What the engine knows of its queues, read at each scrape. It is the same in all processes: never sum it. */
export class EngineMetrics {
  readonly #queue: Queue;
  readonly #names: MetricNames;
  readonly #wait: WaitHistogram;
  readonly #jobs: Gauge;
  readonly #oldest: Gauge;
  readonly #paused: Gauge;
  readonly #up: Gauge;
  readonly #latency: Gauge;
  readonly #errors: Counter;
  readonly #figures = new SharedRead(() => this.#read());

  constructor(queue: Queue, prom: PromRegistry, errors: Counter) {
    const registers = [prom];
    this.#queue = queue;
    this.#errors = errors;
    this.#names = new MetricNames(queue.registry);
    this.#wait = new WaitHistogram(queue.registry, this.#names, prom);
    this.#jobs = new Gauge({
      name: "queue_jobs",
      help: "Jobs stored now, by state. Finished ones count until retention removes them.",
      labelNames: ["queue", "state"],
      registers,
      aggregator: "max",
    });
    this.#oldest = new Gauge({
      name: "queue_oldest_waiting_seconds",
      help: "How long the longest waiting queued job could have run already. 0 when none waits.",
      labelNames: ["queue"],
      registers,
      aggregator: "max",
    });
    this.#paused = new Gauge({
      name: "queue_paused",
      help: "1 while the queue is paused.",
      labelNames: ["queue"],
      registers,
      aggregator: "max",
    });
    this.#up = new Gauge({
      name: "queue_engine_up",
      help: "1 if the engine answered this scrape in time.",
      registers,
      aggregator: "min",
    });
    this.#latency = new Gauge({
      name: "queue_engine_latency_seconds",
      help: "How long the engine took to answer this scrape.",
      registers,
      aggregator: "max",
    });
  }

  /** Reads the engine. Never rejects: figures that can't be read are left out of the scrape, and counted. */
  async collect(): Promise<void> {
    try {
      const figures = await this.#figures.get();
      this.#clear();
      this.#set(figures.stats);
      this.#up.set(1);
      this.#latency.set(figures.latency / 1_000);
    } catch (error) {
      // What isn't known now must be absent, not as it was.
      this.#clear();
      if (isQueueError(error, "UNSUPPORTED_BY_ENGINE")) return;
      this.#errors.inc({ source: "engine" });
      this.#up.set(0);
      this.#latency.remove();
    }
  }

  #clear(): void {
    for (const gauge of [this.#jobs, this.#oldest, this.#paused]) gauge.reset();
  }

  async #read(): Promise<Figures> {
    const startedAt = performance.now();
    const stats = await this.#queue.stats();
    const latency = performance.now() - startedAt;
    const minutes = await this.#queue.metrics({ since: this.#wait.since, byMessage: true });
    this.#wait.add(minutes);
    return { stats, latency };
  }

  #set({ queues }: Stats): void {
    for (const { queue, states, oldestWaiting = 0, paused } of queues) {
      const name = this.#names.queue(queue);
      for (const [state, count] of Object.entries(states)) this.#jobs.inc({ queue: name, state }, count);
      if (name !== queue) continue;
      this.#oldest.set({ queue }, oldestWaiting / 1_000);
      this.#paused.set({ queue }, paused ? 1 : 0);
    }
  }
}
