import { QueueError } from "../errors/queue-error.ts";
import type { HandlerContext } from "../worker/handler.ts";
import type { JobHandle } from "./job-handle.ts";
import type { SendRequest } from "./send-request.ts";

/**
 * Stands around every send and every attempt, for what concerns all messages: tracing, auditing, status.
 *
 * @example
 * queue.use({
 *   send: (requests, next) => next(requests.map((request) => ({ ...request, traceparent: current() }))),
 *   run: (context, next) => tracer.startActiveSpan(context.job.messageType, next),
 * });
 */
export interface Middleware {
  /**
   * Around `send` (one request) and `sendMany` (all of its requests). It may add `userId`, `metadata` or
   * `traceparent` to the requests that it passes on; `next` validates and stores them, and answers their
   * handles, which it must return.
   */
  send?(requests: readonly SendRequest[], next: SendNext): Promise<readonly JobHandle[]>;
  /**
   * Around the handler, in the worker. What it resolves with is the handler's result; what it throws fails
   * the attempt as if the handler had thrown it.
   */
  run?(context: HandlerContext, next: RunNext): Promise<unknown>;
}

export type SendNext = (requests: readonly SendRequest[]) => Promise<readonly JobHandle[]>;
export type RunNext = () => Promise<unknown>;

/** The middleware of a queue, first added outermost. */
export class MiddlewareChain {
  readonly #sends: NonNullable<Middleware["send"]>[] = [];
  readonly #runs: NonNullable<Middleware["run"]>[] = [];

  add(middleware: Middleware): void {
    if (middleware.send) this.#sends.push(middleware.send.bind(middleware));
    if (middleware.run) this.#runs.push(middleware.run.bind(middleware));
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
