import type { AttemptOutcome } from "../../engine/core.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";
import type { HandlerContext } from "../../middleware/handler-context.ts";
import type { MiddlewareChain } from "../../middleware/middleware.ts";
import type { HandlerEntry } from "../execute/executor.ts";
import type { Attempt } from "./attempt.ts";
import { EndedAttempt } from "./settled-attempt.ts";

/** Calls the hooks of the queue's middleware for what happens to attempts. */
export class Hooks {
  readonly #middleware: MiddlewareChain;
  readonly #handlers: ReadonlyMap<string, HandlerEntry>;
  readonly #progress: CallbackGuard;
  readonly #settled: CallbackGuard;

  constructor(middleware: MiddlewareChain, handlers: ReadonlyMap<string, HandlerEntry>, logger: Logger) {
    this.#middleware = middleware;
    this.#handlers = handlers;
    this.#progress = new CallbackGuard(logFailure("The `progress` of a middleware", () => logger));
    this.#settled = new CallbackGuard(logFailure("The `settled` of a middleware", () => logger));
  }

  /** Whether anyone asks how attempts end. */
  get hasSettled(): boolean {
    return this.#middleware.settled.length > 0;
  }

  progress(context: HandlerContext, value: unknown): void {
    for (const hook of this.#middleware.progress) this.#progress.call(hook, context, value);
  }

  /** Without an `end` it was given back. */
  settled(attempt: Attempt, end?: AttemptOutcome): void {
    const message = this.#handlers.get(attempt.job.envelope.messageType)?.message;
    const ended = new EndedAttempt(attempt, message, end);
    for (const hook of this.#middleware.settled) this.#settled.call(hook, ended);
  }
}
