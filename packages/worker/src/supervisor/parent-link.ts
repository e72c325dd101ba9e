import type { Probes } from "../endpoints/probes.ts";
import type { WorkerMetrics } from "../endpoints/worker-metrics.ts";
import type { Orders } from "../host/orders.ts";
import type { RunningAttempts } from "../host/running-attempts.ts";
import {
  BEAT_INTERVAL,
  type ChildMessage,
  MAX_BEAT_JOBS,
  type MetricsRequest,
  SUPERVISED,
} from "./protocol.ts";

const ORPHANED = { type: "stop", reason: "the process that started this one is gone" } as const;

export interface ParentLinkParts {
  readonly attempts: RunningAttempts;
  readonly metrics: WorkerMetrics;
  readonly probes: Pick<Probes, "ready">;
}

/** Orders a stop when the process that started this one is gone. Returns a function that stops listening. */
export function listenForParent(orders: Orders): () => void {
  const listener = () => orders.give(ORPHANED);
  if (process.connected) process.on("disconnect", listener);
  else if (process.env[SUPERVISED] !== undefined) listener();
  return () => {
    process.off("disconnect", listener);
  };
}

/**
 * The channel to the process that started this one: a supervisor, or a process manager that waits for `"ready"`, such as
 * pm2. A worker process doesn't outlive it: nobody would restart or stop it.
 */
export class ParentLink {
  readonly isSupervised = process.env[SUPERVISED] !== undefined;
  readonly #parts: ParentLinkParts;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `undefined` for a process that a shell, a container or systemd has started. */
  static open(parts: ParentLinkParts): ParentLink | undefined {
    return process.connected ? new ParentLink(parts) : undefined;
  }

  private constructor(parts: ParentLinkParts) {
    this.#parts = parts;
    process.on("message", this.#onMessage);
  }

  ready(): void {
    if (!this.isSupervised) {
      process.send?.("ready");
      return;
    }
    this.#send({ type: "ready" });
    this.#beat();
    this.#timer = setInterval(() => this.#beat(), BEAT_INTERVAL);
  }

  close(): void {
    clearInterval(this.#timer);
    process.off("message", this.#onMessage);
    if (process.connected) process.disconnect();
  }

  #beat(): void {
    const { attempts, probes } = this.#parts;
    const running = attempts
      .list()
      .slice(0, MAX_BEAT_JOBS)
      .map(({ job }) => ({ id: job.id, message: job.messageType }));
    this.#send({ type: "beat", isReady: probes.ready().ok, running });
  }

  readonly #onMessage = async (message: unknown): Promise<void> => {
    const { type, request } = Object(message) as MetricsRequest;
    if (type === "metrics") this.#send({ type, request, metrics: await this.#parts.metrics.json() });
  };

  #send(message: ChildMessage): void {
    // The parent may end between the check and the write.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  }
}
