import type { OutboxBacklog, Queue } from "@org/queue";
import { type Counter, Gauge, type Registry as PromRegistry } from "prom-client";
import { SharedRead } from "./shared-read.ts";

/** What the outbox still holds, read at each scrape. There are no such metrics without an outbox. */
export class OutboxMetrics {
  readonly #jobs: Gauge;
  readonly #lag: Gauge;
  readonly #errors: Counter;
  readonly #backlog: SharedRead<OutboxBacklog | null>;

  constructor(queue: Queue, prom: PromRegistry, errors: Counter) {
    const registers = [prom];
    this.#errors = errors;
    this.#backlog = new SharedRead(() => queue.outboxBacklog());
    this.#jobs = new Gauge({
      name: "queue_outbox_jobs",
      help: "Jobs of committed transactions that aren't moved to the engine yet, counted up to 10,000.",
      registers,
      aggregator: "max",
    });
    this.#lag = new Gauge({
      name: "queue_outbox_lag_seconds",
      help: "Age of the first of them. 0 when there is none.",
      registers,
      aggregator: "max",
    });
  }

  /** Never rejects. */
  async collect(): Promise<void> {
    const backlog = await this.#backlog.get().catch(() => {
      this.#errors.inc({ source: "outbox" });
      return null;
    });
    if (!backlog) {
      this.#jobs.remove();
      this.#lag.remove();
      return;
    }
    this.#jobs.set(backlog.jobs);
    this.#lag.set((backlog.oldest ?? 0) / 1_000);
  }
}
