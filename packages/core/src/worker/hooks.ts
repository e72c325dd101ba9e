import type { AttemptOutcome } from "../engine/port.ts";
import type { MiddlewareChain } from "../queue/middleware.ts";
import type { Attempt } from "./attempt.ts";
import type { HandlerEntry } from "./executor.ts";
import type { HandlerContext } from "./handler.ts";
import { EndedAttempt } from "./settled-attempt.ts";
import { tell } from "./troubles.ts";
import type { WorkerLogger } from "./worker-options.ts";

/** Tells the queue's middleware what happens to attempts. What it throws is logged once, and harms nobody. */
export class Hooks {
  readonly #middleware: MiddlewareChain;
  readonly #handlers: ReadonlyMap<string, HandlerEntry>;
  readonly #logger: WorkerLogger;
  readonly #broken = new Set<unknown>();

  constructor(
    middleware: MiddlewareChain,
    handlers: ReadonlyMap<string, HandlerEntry>,
    logger: WorkerLogger,
  ) {
    this.#middleware = middleware;
    this.#handlers = handlers;
    this.#logger = logger;
  }

  /** Whether anyone asks how attempts end. */
  get hasSettled(): boolean {
    return this.#middleware.settled.length > 0;
  }

  progress(context: HandlerContext, value: unknown): void {
    for (const hook of this.#middleware.progress) this.#call("progress", hook, () => hook(context, value));
  }

  /** Without an `end` it was given back. */
  settled(attempt: Attempt, end?: AttemptOutcome): void {
    const message = this.#handlers.get(attempt.job.envelope.messageType)?.message;
    const ended = new EndedAttempt(attempt, message, end);
    for (const hook of this.#middleware.settled) this.#call("settled", hook, () => hook(ended));
  }

  /** A hook that answers a promise against its type must not bring the process down either. */
  #call(name: string, hook: unknown, run: () => unknown): void {
    try {
      const answer = run();
      if (answer instanceof Promise) answer.catch((error) => this.#tell(name, hook, error));
    } catch (error) {
      this.#tell(name, hook, error);
    }
  }

  #tell(name: string, hook: unknown, error: unknown): void {
    if (this.#broken.has(hook)) return;
    this.#broken.add(hook);
    const what = `The \`${name}\` of a middleware threw. The job goes on; this is told once.`;
    tell(this.#logger, "error", what, error);
  }
}
