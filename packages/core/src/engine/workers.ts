import type { HandledMessage } from "./core.ts";

/** Knows which workers are alive, what they handle and what they run. */
export interface EngineWorkers {
  /**
   * Adds a worker, or replaces what is known of it. It is alive for `WORKER_LIFETIME`, and after each of its beats (see
   * `recover`) for as long again.
   */
  register(worker: WorkerRecord): Promise<void>;

  /** Removes a worker that stops. Does nothing for one that isn't known. */
  unregister(id: string): Promise<void>;

  /** The workers that are alive, in no particular order. */
  list(): Promise<readonly WorkerInfo[]>;

  /**
   * Messages with queued jobs in these queues, each version by itself, as far as that shows without a scan: at least
   * those of the jobs that are next in line, and those that claims have passed over. Nothing of paused queues.
   */
  waiting(queues: readonly string[]): Promise<readonly WaitingMessage[]>;
}

/** What is known of a worker from its start on. */
export interface WorkerRecord {
  /** Unique among all workers. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly host: string;
  /** The id of its process. */
  readonly process: number;
  /** The version of the library. */
  readonly version: string;
  /** The queues that it serves. */
  readonly queues: readonly string[];
  readonly handles: readonly HandledMessage[];
  readonly concurrency: number;
  /** Milliseconds since it started. */
  readonly uptime: number;
}

/** What a worker runs. */
export interface WorkerBeat {
  readonly id: string;
  /** Handlers that run. */
  readonly running: number;
  /** The longest running first. An engine keeps `MAX_BEAT_ATTEMPTS` of them. */
  readonly attempts: readonly BeatAttempt[];
  /** It claims nothing more. @default false */
  readonly quiet?: boolean;
}

export interface BeatAttempt {
  /** The job's id. */
  readonly id: string;
  /** Milliseconds since the handler was called. */
  readonly duration: number;
}

/** A worker that is alive. */
export interface WorkerInfo extends Omit<WorkerRecord, "uptime"> {
  readonly startedAt: number;
  /** When it was registered, or beat last. What it runs is as of then. */
  readonly seenAt: number;
  readonly running: number;
  readonly attempts: readonly { readonly id: string; readonly since: number }[];
  /** As of its last beat. False of a worker whose library doesn't report it. */
  readonly quiet: boolean;
}

/** A version of a message that has queued jobs. */
export interface WaitingMessage {
  readonly queue: string;
  readonly message: string;
  readonly version: number;
  /** Milliseconds that the first of them has been ready for. */
  readonly waited: number;
}
