import type { ErrorCode } from "@org/queue";
import type { AttemptOutcome, LeaseStatus } from "@org/queue/engine";
import type { Verdict } from "../history/observe-engine.ts";

/** What a program is started with: the JSON of its one argument. */
export interface ProgramConfig {
  /** Its name in the history. */
  readonly name: string;
  readonly url: string;
  readonly namespace: string;
  /** The file that its part of the history goes to. */
  readonly history: string;
  /** Milliseconds until its engine gives up on a silent connection. @default the engine's */
  readonly commandTimeout?: number;
}

/**
 * Where a worker kills itself with SIGKILL: once it has heard of the claim, inside the handler, or after the
 * handler and before the outcome is sent.
 */
export type DeathPoint = "claimed" | "started" | "settling";

export interface WorkerConfig extends ProgramConfig {
  readonly concurrency: number;
  /** Milliseconds. */
  readonly lease: number;
  readonly pollInterval: number;
  readonly maintenanceInterval: number;
  /** Die when this job gets to this point. */
  readonly death?: { readonly point: DeathPoint; readonly job: string };
  /** Waiting handlers go on although their signal fired. */
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

/** What the engine answered to one who acts on a lease that is over. */
export interface ExpiredLeaseReplies {
  readonly settled: Readonly<Record<AttemptOutcome["type"], Verdict>>;
  readonly extended: LeaseStatus;
}

/** Lines that a worker reads from its standard input. */
export type WorkerCommand =
  | { readonly command: "start" }
  /** Ends a handler that waits. */
  | { readonly command: "finish"; readonly id: string }
  /** Tries, past the runtime, everything that only the holder of a lease may do. */
  | { readonly command: "use-expired-lease"; readonly id: string; readonly epoch: number }
  | { readonly command: "stop" };

export interface ProducerConfig extends ProgramConfig {
  readonly seed: number;
  /** Jobs that each lane sends. */
  readonly jobs: number;
  /** Senders that each wait for an acknowledgement before they send the next. */
  readonly lanes: number;
  /** `mixed`: with dependencies, ordering keys, delays, retries and failures among them. */
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

/** `stop`: send nothing new, and be done once what is under way has been acknowledged. */
export type ProducerCommand = { readonly command: "start" } | { readonly command: "stop" };

/** The soak's programs take these, and report "ready", then "stopped" or "done". */
export interface SoakWorkerConfig extends ProgramConfig {
  readonly concurrency: number;
  /** Milliseconds. */
  readonly lease: number;
}

export interface SoakProducerConfig extends ProgramConfig {
  readonly seed: number;
  /** Which producer it is: the first part of its jobs' ids. */
  readonly index: number;
  /** Jobs to send a second. */
  readonly rate: number;
}

export type SoakReport =
  | { readonly type: "ready" }
  /** Bytes of a worker's heap once garbage is collected. */
  | { readonly type: "heap"; readonly bytes: number }
  | { readonly type: "stopped" }
  | { readonly type: "progress"; readonly sent: number }
  | { readonly type: "done"; readonly sent: number };

export type SoakCommand = { readonly command: "start" } | { readonly command: "stop" };
