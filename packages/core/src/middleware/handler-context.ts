import type {
  HandlerData,
  HandlerResult,
  JobResult,
  Message,
  ReportedProgress,
} from "../contract/message.ts";
import type { JobState } from "../engine/state-machine.ts";
import type { JobError } from "../queue/read/job-error.ts";

/**
 * What a handler gets for one attempt of one job. Destructure it, pass it on, or extend it with `with`. All members but
 * `data` are getters of its class, so a spread copy has none of them, and its type says so.
 */
export declare abstract class HandlerContext<M extends Message = Message> {
  /** Parsed by the message's contract, and upcast to its current version. */
  readonly data: HandlerData<M>;
  get job(): AttemptInfo<M>;
  /**
   * Aborts when the attempt should stop. Its `reason` is a `QueueError`: `JOB_CANCELLED`, `TIMEOUT`, `LEASE_LOST` or
   * `SHUTDOWN`. Pass it to what you await.
   */
  get signal(): AbortSignal;
  /**
   * Reports progress. Readers see the newest value a few times a second. The last one always arrives before the end.
   *
   * @throws {QueueError} `INVALID_PROGRESS` or `PAYLOAD_TOO_LARGE`.
   */
  get progress(): (value: ReportedProgress<M>) => void;
  /**
   * Adds a line to the job's log, which keeps the newest hundred, each shortened to `limits.log`. Half a surrogate pair
   * becomes U+FFFD.
   */
  get log(): (line: string) => void;
  /** The jobs that this one depends on. */
  get dependencies(): DependencyResults;
  /** Grows with every claim of the job. Send it along with external writes, so that they can refuse an older attempt. */
  get fence(): number;
  /**
   * The context with further members.
   *
   * @example
   * worker.handle(planCreate, (context) => createPlan(context.with({ db })));
   */
  with<Members extends object>(members: Members): HandlerContext<M> & Readonly<Members>;
}

/** The attempt and the envelope of its job. */
export interface AttemptInfo<M extends Message = Message> {
  readonly id: string;
  readonly messageType: M["name"];
  /** The contract's version that the data was sent with. */
  readonly version: number;
  readonly queue: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** How often a worker died or froze while it ran this job. */
  readonly stalls: number;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  readonly orderingKey?: string;
  /** When it was sent, by the producer's clock. */
  readonly sentAt: Date;
  /** When the engine stored it. */
  readonly createdAt: Date;
}

/** The outcomes of a job's dependencies. Read on the first call, once per attempt. */
export interface DependencyResults {
  /** All dependencies, in the order in which they were named. */
  list(): Promise<readonly DependencyOutcome[]>;
  /**
   * The result of the one dependency that is a job of this message.
   *
   * @throws {QueueError} `JOB_NOT_FOUND` when there is none, or none any more. `RESULT_NOT_KEPT` when it was removed before
   * this job was sent. `INVALID_STATE` when there are several, or it hasn't ended. `JOB_FAILED`, `JOB_CANCELLED`.
   *
   * @example
   * const { planId } = await dependencies.resultOf(planCreate);
   */
  resultOf<D extends Message>(message: D): Promise<JobResult<D>>;
}

export interface DependencyOutcome {
  readonly id: string;
  /** Absent when the engine has forgotten the job. */
  readonly messageType?: string;
  /** `null` when the engine has forgotten the job. */
  readonly state: JobState | null;
  /** Decoded if the registry has the message. */
  readonly result?: unknown;
  readonly error?: JobError;
}

/** Runs one attempt of a job. Its value is the job's result, and its error fails the attempt. */
export type Handler<M extends Message = Message> = (
  context: HandlerContext<M>,
) => HandlerResult<M> | Promise<HandlerResult<M>>;

/** A handler for each message, by name. */
export type Handlers<M extends Message> = {
  readonly [Name in M["name"]]: Handler<Extract<M, { readonly name: Name }>>;
};
