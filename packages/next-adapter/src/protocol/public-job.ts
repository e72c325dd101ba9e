import type { ErrorCode, JobProgress, JobResult, JobState, Message, WireForm } from "@org/queue";

/** A job as clients see it. Narrow it by `messageType` to know the type of its result. Times are ISO 8601. */
export type PublicJob<M extends Message = Message> = M extends Message ? PublicJobOf<M> : never;

/** The job of one message. Result and progress are as they travel in JSON, with `sensitive` paths masked. */
export interface PublicJobOf<M extends Message> {
  readonly id: string;
  readonly messageType: M["name"];
  readonly state: JobState;
  /** What the handler reported last. */
  readonly progress?: WireForm<JobProgress<M>>;
  /** Once completed. */
  readonly result?: WireForm<JobResult<M>>;
  /** What ended the job, or its latest failed attempt: the public sentence of its code. */
  readonly error?: { readonly code: ErrorCode | "INTERNAL_ERROR"; readonly message: string };
  /** Attempts begun, the running one included. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly sentAt: string;
  /** When it becomes due, while scheduled. */
  readonly runAt?: string;
  /** When its latest attempt began. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Only where the routes `show` it. */
  readonly data?: unknown;
  /** Only where the routes `show` it. */
  readonly userId?: string;
  /** Only where the routes `show` it. */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Only where the routes `show` it. */
  readonly logs?: readonly { readonly at: string; readonly message: string }[];
}
