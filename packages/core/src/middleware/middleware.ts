import type { Engine } from "../engine/engine.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import type { Queue } from "../queue/queue.ts";
import type { JobError } from "../queue/read/job-error.ts";
import type { JobHandle } from "../queue/send/job-handle.ts";
import type { SendRequest } from "../queue/send/send-request.ts";
import type { AttemptInfo, HandlerContext } from "./handler-context.ts";

/**
 * Stands around every send and every attempt, for what concerns all messages: tracing, auditing, status.
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
   * Around `send` (one request) and `sendMany` (all of its requests). It may add `userId`, `metadata` or
   * `traceparent` to the requests that it passes on; `next` validates and stores them, and answers their
   * handles, which it must return. Requests with a `tx` are stored in that transaction, and so may be
   * what it writes itself. What it changes is checked like options. It isn't called for a send whose message or
   * options are refused: those are checked first; the data is validated by `next`.
   */
  send?(requests: readonly SendRequest[], next: SendNext): Promise<readonly JobHandle[]>;
  /**
   * Around the handler, in the worker. What it resolves with is the handler's result; what it throws fails
   * the attempt as if the handler had thrown it.
   */
  run?(context: HandlerContext, next: RunNext): Promise<unknown>;
  /**
   * A handler reported progress that its schema accepted: the value as it was reported. Called in the
   * handler's own turn, so it must be fast. Its errors, thrown or rejected, are
   * logged once per worker and otherwise ignored.
   */
  progress?(context: HandlerContext, value: unknown): void;
  /**
   * The engine has accepted how an attempt of this process' workers ended. Not called for an attempt that
   * was lost to another claim. It must be fast. Its errors, thrown or rejected, are logged once per worker and
   * otherwise ignored.
   */
  settled?(attempt: SettledAttempt): void;
  /**
   * Runs something beside each worker of the queue, from its start until its jobs are settled at its stop.
   * It doesn't hold up the worker. A start that fails is logged and tried again. Workers that were started
   * before the middleware was added don't start it.
   */
  start?(host: ServiceHost): Promise<Service>;
}

/** How one attempt ended. All members are getters of its class: a spread copy has none, which its type says too. */
export declare abstract class SettledAttempt {
  get job(): AttemptInfo;
  /** As the handler's `fence`: grows with every claim of the job. */
  get epoch(): number;
  /** `retrying`: it failed and will run again. `released`: given back without having counted, as on shutdown. */
  get outcome(): "completed" | "failed" | "cancelled" | "retrying" | "released";
  /** Parsed by the message's contract; absent when it couldn't be. */
  get data(): unknown;
  /** Of a completed one: the JSON value that was stored. */
  get result(): unknown;
  /** Why it failed, is retried or was cancelled, as it was stored. */
  get error(): JobError | undefined;
}

/** What a service is given to work with. */
export interface ServiceHost {
  readonly queue: Queue;
  readonly engine: Engine;
  /** The worker's. Its methods never throw. */
  readonly logger: Logger;
}

/** Something that runs beside a worker. */
export interface Service {
  /** Ends it. The worker waits for it, up to ten seconds. */
  stop(): Promise<void>;
}

export type SendNext = (requests: readonly SendRequest[]) => Promise<readonly JobHandle[]>;
export type RunNext = () => Promise<unknown>;

/** The middleware of a queue, first added outermost. */
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
          "A send middleware must return what `next` answered: a handle for each request.",
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
