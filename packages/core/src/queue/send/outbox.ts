import type { NewJob } from "../../engine/job.ts";
import type { Service, ServiceHost } from "../../middleware/middleware.ts";

/**
 * The outbox port: sends that are part of the caller's own database transaction.
 *
 * `send(…, { tx })` hands its jobs to `add`, which stores them with that transaction: they exist if it commits,
 * and only then. A relay, which workers run by `start`, moves them to the engine with their ids, so that each
 * is stored once however often it is moved.
 */
export interface Outbox {
  /**
   * Stores jobs in the caller's transaction, in this order: what others of the call depend on, and the
   * earlier ones of an ordering key, come first. Their ids differ; one that is stored already stays as it is.
   */
  add(tx: unknown, jobs: readonly NewJob[]): Promise<void>;
  /** Moves what was committed to the engine, in the order in which it was stored, until it is stopped. */
  start(host: ServiceHost): Promise<Service>;
  /** What was committed and isn't moved yet. Absent in an outbox that can't tell. */
  backlog?(): Promise<OutboxBacklog>;
}

/** The jobs of committed transactions that no relay has moved to the engine yet. */
export interface OutboxBacklog {
  /** 10,000 stands for that many or more. */
  readonly jobs: number;
  /** Milliseconds since the first of them was stored. Absent when there is none. */
  readonly oldest?: number;
}
