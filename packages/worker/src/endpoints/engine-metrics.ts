import type { Queue, Stats } from "@org/queue";
import { Counter, Gauge, type Registry as PromRegistry } from "prom-client";
import { MetricNames } from "./metric-names.ts";

/** Longest that a scrape waits for the engine, in milliseconds. Prometheus waits ten seconds by default. */
const SCRAPE_TIMEOUT = 2_000;

/** What the engine knows of its queues, read at each scrape. It is the same in all processes: never sum it. */
export class EngineMetrics {
  readonly #queue: Queue;
  readonly #names: MetricNames;
  readonly #jobs: Gauge;
  readonly #oldest: Gauge;
  readonly #paused: Gauge;
  readonly #up: Gauge;
  readonly #latency: Gauge;
  readonly #errors: Counter;
  /** Shared by scrapes that come while it is under way: an engine that hangs gets no more of them. */
  #reading: Promise<Stats> | undefined;

  constructor(queue: Queue, prom: PromRegistry) {
    const registers = [prom];
    this.#queue = queue;
    this.#names = new MetricNames(queue.registry);
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
    this.#errors = new Counter({
      name: "queue_scrape_errors_total",
      help: "Scrapes that the engine didn't answer in time, or answered with an error.",
      registers,
    });
  }

  /** Reads the engine. Never rejects: figures that can't be read are left out of the scrape, and counted. */
  async collect(): Promise<void> {
    const startedAt = performance.now();
    // What isn't known now must be absent, not as it was.
    for (const gauge of [this.#jobs, this.#oldest, this.#paused]) gauge.reset();
    try {
      this.#set(await withTimeout(this.#read()));
      this.#up.set(1);
    } catch {
      this.#errors.inc();
      this.#up.set(0);
    }
    this.#latency.set((performance.now() - startedAt) / 1_000);
  }

  #read(): Promise<Stats> {
    this.#reading ??= this.#queue.stats().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
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

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${SCRAPE_TIMEOUT} ms`)), SCRAPE_TIMEOUT);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
