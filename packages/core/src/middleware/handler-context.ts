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
 * What a handler is given for one attempt of one job. Destructure it, pass it on as it is, or add to it by `with`:
 * all members but `data` are getters of its class, made when they are looked at, and a spread copy has none of them,
 * which its type says too.
 */
export declare abstract class HandlerContext<M extends Message = Message> {
  /** Parsed by the message's contract, and upcast to its current version. */
  readonly data: HandlerData<M>;
  get job(): AttemptInfo<M>;
  /**
   * Aborts when the attempt should stop. Its `reason` is a `QueueError`: `JOB_CANCELLED`, `TIMEOUT`,
   * `LEASE_LOST` or `SHUTDOWN`. Pass it to whatever is awaited.
   */
  get signal(): AbortSignal;
  /**
   * Reports progress. Readers see the newest a few times a second; the last always arrives before the end.
   *
   * @throws {QueueError} `INVALID_PROGRESS` or `PAYLOAD_TOO_LARGE`.
   */
  get progress(): (value: ReportedProgress<M>) => void;
  /**
   * Adds a line to the job's log. The newest hundred are kept, each shortened to `limits.log`. Half a surrogate pair
   * becomes U+FFFD.
   */
  get log(): (line: string) => void;
  /** The jobs that this one ran after. */
  get dependencies(): DependencyResults;
  /** Grows with every claim of the job. Writes to the outside that carry it can refuse an older attempt. */
  get fence(): number;
  /**
   * The context with members of the app's own.
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
  /** Times that a worker died or froze over this job. */
  readonly stalls: number;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly traceparent?: string;
  readonly orderingKey?: string;
  /** When the producer sent it, by the producer's clock. */
  readonly sentAt: Date;
  /** When the engine stored it. */
  readonly createdAt: Date;
}

/** How the dependencies of a job ended. Read when first asked for, once an attempt. */
export interface DependencyResults {
  /** All of them, in the order they were named. */
  list(): Promise<readonly DependencyOutcome[]>;
  /**
   * The result of the one dependency that is a job of this message.
   *
   * @throws {QueueError} `JOB_NOT_FOUND` when there is none (any more), `RESULT_NOT_KEPT` when it had been removed
   * before this job was sent, `INVALID_STATE` when there are several or it hasn't ended, `JOB_FAILED`,
   * `JOB_CANCELLED`.
   *
   * @example
   * const { planId } = await dependencies.resultOf(planCreate);
   */
  resultOf<D extends Message>(message: D): Promise<JobResult<D>>;
}

export interface DependencyOutcome {
  readonly id: string;
  /** Absent once even its ending is forgotten. */
  readonly messageType?: string;
  /** `null` once even its ending is forgotten. */
  readonly state: JobState | null;
  /** Decoded where the registry knows the message. */
  readonly result?: unknown;
  readonly error?: JobError;
}

/** Does a job's work. What it returns is the job's result; what it throws fails the attempt. */
export type Handler<M extends Message = Message> = (
  context: HandlerContext<M>,
) => HandlerResult<M> | Promise<HandlerResult<M>>;

/** A handler for each message, by name. */
export type Handlers<M extends Message> = {
  readonly [Name in M["name"]]: Handler<Extract<M, { readonly name: Name }>>;
};
