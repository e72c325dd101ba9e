import type { AttemptOutcome, Release, SettleReply } from "../../engine/core.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import type { Logger } from "../../logging/logger.ts";
import type { HandlerContext } from "../../middleware/handler-context.ts";
import type { MiddlewareChain } from "../../middleware/middleware.ts";
import type { PendingEnd } from "../pool/pending-ends.ts";
import type { Attempt } from "./attempt.ts";
import type { HandlerEntry } from "./handler-entry.ts";
import { LazySettledAttempt } from "./settled-attempt.ts";

/** Calls the queue's middleware for the progress of attempts and for their ends. */
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

  progress(context: HandlerContext, value: unknown): void {
    for (const hook of this.#middleware.progress) this.#progress.call(hook, context, value);
  }

  /** Reports the outcomes that the engine has accepted. */
  settled(outcomes: readonly PendingEnd<AttemptOutcome>[], verdicts: SettleReply["verdicts"]): void {
    if (this.#middleware.settled.length === 0) return;
    outcomes.forEach(({ attempt, item }, index) => {
      if (verdicts[index] === "accepted") this.#callSettled(attempt, item);
    });
  }

  /** Reports attempts that were released. */
  released(releases: readonly PendingEnd<Release>[]): void {
    if (this.#middleware.settled.length === 0) return;
    for (const { attempt } of releases) this.#callSettled(attempt, undefined);
  }

  #callSettled(attempt: Attempt, outcome: AttemptOutcome | undefined): void {
    const message = this.#handlers.get(attempt.job.envelope.messageType)?.message;
    const ended = new LazySettledAttempt(attempt, message, outcome);
    for (const hook of this.#middleware.settled) this.#settled.call(hook, ended);
  }
}
