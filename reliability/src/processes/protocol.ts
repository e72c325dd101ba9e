import type { ErrorCode } from "@org/queue";
import type { AttemptOutcome, LeaseStatus } from "@org/queue/engine";
import type { Verdict } from "../history/observe-engine.ts";

/** The configuration of a program: its only argument, as JSON. */
export interface ProgramConfig {
  /** The name of the process in the history. */
  readonly name: string;
  readonly url: string;
  readonly namespace: string;
  /** The file for its history. */
  readonly history: string;
  /** Milliseconds until its engine abandons a silent connection. @default the engine's */
  readonly commandTimeout?: number;
}

/**
 * Where a worker kills itself with SIGKILL: after the reply to the claim, inside the handler, or after the handler and
 * before the outcome is sent.
 */
export type DeathPoint = "claimed" | "started" | "settling";

export interface WorkerConfig extends ProgramConfig {
  readonly concurrency: number;
  /** Milliseconds. */
  readonly lease: number;
  readonly pollInterval: number;
  readonly maintenanceInterval: number;
  /** Kill the worker when this job reaches this point. */
  readonly death?: { readonly point: DeathPoint; readonly job: string };
  /** Whether waiting handlers ignore their signal. */
  readonly ignoresSignals?: boolean;
}

/** Lines that a worker writes to its standard output. */
export type WorkerReport =
  | { readonly type: "ready" }
  | { readonly type: "started"; readonly id: string; readonly epoch: number; readonly at: number }
  | { readonly type: "finished"; readonly id: string; readonly epoch: number }
  | { readonly type: "aborted"; readonly id: string; readonly epoch: number; readonly code: ErrorCode }
  | { readonly type: "settling"; readonly ids: readonly string[] }
  | {
      readonly type: "settled";
      readonly id: string;
      readonly epoch: number;
      readonly outcome: AttemptOutcome["type"];
      readonly verdict: Verdict;
    }
  | { readonly type: "extended"; readonly id: string; readonly epoch: number; readonly status: LeaseStatus }
  | ({ readonly type: "late" } & ExpiredLeaseReplies)
  | { readonly type: "trouble"; readonly message: string }
  | { readonly type: "stopped" };

/** The engine's replies to calls with an expired lease. */
export interface ExpiredLeaseReplies {
  readonly settled: Readonly<Record<AttemptOutcome["type"], Verdict>>;
  readonly extended: LeaseStatus;
}

/** Lines that a worker reads from its standard input. */
export type WorkerCommand =
  | { readonly command: "start" }
  /** Ends a waiting handler. */
  | { readonly command: "finish"; readonly id: string }
  /** Tries everything that only the holder of a lease may do, directly on the engine. */
  | { readonly command: "use-expired-lease"; readonly id: string; readonly epoch: number }
  | { readonly command: "stop" };

export interface ProducerConfig extends ProgramConfig {
  readonly seed: number;
  /** Number of jobs per lane. */
  readonly jobs: number;
  /** Number of concurrent senders. Each waits for an acknowledgement before its next send. */
  readonly lanes: number;
  /** `mixed` includes dependencies, ordering keys, delays, retries and failures. */
  readonly mix: "plain" | "mixed";
  /** Milliseconds between two sends of a lane. */
  readonly pace: number;
  /** Bytes to add to each job's data. */
  readonly padding?: number;
}

/** Lines that a producer writes to its standard output. */
export type ProducerReport =
  | { readonly type: "ready" }
  | { readonly type: "sent"; readonly id: string; readonly at: number }
  | { readonly type: "refused"; readonly id: string; readonly code: string; readonly retryable: boolean }
  | { readonly type: "done"; readonly sent: number };

/** `stop`: send nothing new, and report "done" once all pending sends are acknowledged. */
export type ProducerCommand = { readonly command: "start" } | { readonly command: "stop" };

/** Configurations of the soak's programs, which report "ready", then "stopped" or "done". */
export interface SoakWorkerConfig extends ProgramConfig {
  readonly concurrency: number;
  /** Milliseconds. */
  readonly lease: number;
}

export interface SoakProducerConfig extends ProgramConfig {
  readonly seed: number;
  /** The number of the producer: the first part of its jobs' ids. */
  readonly index: number;
  /** Jobs to send per second. */
  readonly rate: number;
}

export type SoakReport =
  | { readonly type: "ready" }
  /** Bytes of a worker's heap after garbage collection. */
  | { readonly type: "heap"; readonly bytes: number }
  | { readonly type: "stopped" }
  | { readonly type: "progress"; readonly sent: number }
  | { readonly type: "done"; readonly sent: number };

export type SoakCommand = { readonly command: "start" } | { readonly command: "stop" };
