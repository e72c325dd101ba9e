import type { Engine } from "../engine/engine.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import type { Queue } from "../queue/queue.ts";
import type { JobError } from "../queue/read/job-error.ts";
import type { JobHandle } from "../queue/send/job-handle.ts";
import type { SendRequest } from "../queue/send/send-request.ts";
import type { AttemptInfo, HandlerContext } from "./handler-context.ts";

/**
 * Wraps every send and every attempt, for what concerns all messages: tracing, auditing, status.
 *
 * @example
 * queue.use({
 *   send: (requests, next) => next(requests.map((request) => ({ ...request, traceparent: current() }))),
 *   run: (context, next) => tracer.startActiveSpan(context.job.messageType, next),
 *   settled: ({ job, outcome }) => attempts.inc({ message: job.messageType, outcome }),
 * });
 */
export interface Middleware {
  /**
   * Wraps `send` (one request) and `sendMany` (all of its requests). It may add `userId`, `metadata` or `traceparent` to
   * the requests that it passes to `next`, which validates and stores them and returns their handles. It must return
   * these. Requests with a `tx` are stored in that transaction, which it may use for its own writes. Its changes are
   * checked like options. It isn't called for a send whose message or options are refused.
   */
  send?(requests: readonly SendRequest[], next: SendNext): Promise<readonly JobHandle[]>;
  /**
   * Wraps the handler, in the worker. Its value is the handler's result, and its error fails the attempt as if the
   * handler had thrown it.
   */
  run?(context: HandlerContext, next: RunNext): Promise<unknown>;
  /**
   * Called when a handler has reported progress that its schema accepts, with the value as it was reported. Must be
   * fast: it runs inside the handler's call. Errors are logged once per worker and otherwise ignored.
   */
  progress?(context: HandlerContext, value: unknown): void;
  /**
   * Called when the engine has accepted the outcome of an attempt of this process. Not called for an attempt that was
   * lost to another claim. Must be fast. Errors are logged once per worker and otherwise ignored.
   */
  settled?(attempt: SettledAttempt): void;
  /**
   * Starts a service beside each worker of the queue. It stops when the worker has stopped and its jobs are settled. The
   * worker doesn't wait for it. A start that fails is logged and tried again. Workers that were started before the
   * middleware was added don't start it.
   */
  start?(host: ServiceHost): Promise<Service>;
}

/** How one attempt ended. All members are getters of its class: a spread copy has none, and its type says so. */
export declare abstract class SettledAttempt {
  get job(): AttemptInfo;
  /** The handler's `fence`: it grows with every claim of the job. */
  get epoch(): number;
  /** `retrying`: the attempt failed and the job will run again. `released`: it doesn't count, for example on shutdown. */
  get outcome(): "completed" | "failed" | "cancelled" | "retrying" | "released";
  /** Parsed by the message's contract. Undefined when it couldn't be parsed. */
  get data(): unknown;
  /** The stored JSON value of a completed attempt. */
  get result(): unknown;
  /** How many characters of JSON the result has. Undefined where there is none. */
  get resultSize(): number | undefined;
  /** The stored error of an attempt that failed, is retried or was cancelled. */
  get error(): JobError | undefined;
  /** Milliseconds until the next attempt of one that is `retrying`. */
  get retryDelay(): number | undefined;
}

/** What a service can use. */
export interface ServiceHost {
  readonly queue: Queue;
  readonly engine: Engine;
  /** The worker's logger. Its methods never throw. */
  readonly logger: Logger;
}

/** Something that runs beside a worker. */
export interface Service {
  /** Stops the service. The worker waits up to ten seconds. */
  stop(): Promise<void>;
}

export type SendNext = (requests: readonly SendRequest[]) => Promise<readonly JobHandle[]>;
export type RunNext = () => Promise<unknown>;

/** The middleware of a queue. The first is the outermost. */
export class MiddlewareChain {
  readonly #sends: NonNullable<Middleware["send"]>[] = [];
  readonly #runs: NonNullable<Middleware["run"]>[] = [];
  readonly progress: NonNullable<Middleware["progress"]>[] = [];
  readonly settled: NonNullable<Middleware["settled"]>[] = [];
  readonly starts: NonNullable<Middleware["start"]>[] = [];

  add(middleware: Middleware): void {
    if (middleware.send) this.#sends.push(middleware.send.bind(middleware));
    if (middleware.run) this.#runs.push(middleware.run.bind(middleware));
    if (middleware.progress) this.progress.push(middleware.progress.bind(middleware));
    if (middleware.settled) this.settled.push(middleware.settled.bind(middleware));
    if (middleware.start) this.starts.push(middleware.start.bind(middleware));
  }

  get hasSend(): boolean {
    return this.#sends.length > 0;
  }

  get hasRun(): boolean {
    return this.#runs.length > 0;
  }

  send(requests: readonly SendRequest[], last: SendNext): Promise<readonly JobHandle[]> {
    const step = (index: number): SendNext => {
      const middleware = this.#sends[index];
      if (!middleware) return last;
      return async (current) => {
        const handles: unknown = await middleware(current, step(index + 1));
        if (Array.isArray(handles) && handles.length === current.length) return handles;
        throw new QueueError(
          "INVALID_OPTIONS",
          "A send middleware must return what `next` returned: a handle for each request.",
        );
      };
    };
    return step(0)(requests);
  }

  run(context: HandlerContext, handler: RunNext): Promise<unknown> {
    const step = (index: number): RunNext => {
      const middleware = this.#runs[index];
      return middleware ? async () => middleware(context, step(index + 1)) : handler;
    };
    return step(0)();
  }
}
