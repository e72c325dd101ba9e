import type { Message } from "../../contract/message.ts";
import { decodeData, encodePayload } from "../../contract/payload.ts";
import type { MaybePromise } from "../../contract/schema.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { MiddlewareChain } from "../../middleware/middleware.ts";
import { monotonicNow } from "../../timing/clock.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import type { Attempt } from "../attempt/attempt.ts";
import {
  type AttemptEnd,
  bounced,
  cancelled,
  completed,
  failed,
  released,
  threw,
  timedOut,
} from "../attempt/attempt-end.ts";
import type { HandlerEntry } from "../attempt/handler-entry.ts";
import type { AttemptPool } from "../pool/attempt-pool.ts";
import { type ContextParts, JobContext } from "./job-context.ts";

export interface ExecutorParts extends ContextParts {
  readonly pool: AttemptPool;
  readonly handlers: ReadonlyMap<string, HandlerEntry>;
  readonly middleware: MiddlewareChain;
}

/** Attempts to start before the event loop goes on: with handlers that don't wait, nothing else would run. */
const MAX_STARTS_PER_TURN = 256;

/** Fills the free slots of the pool with attempts, and runs each: decode, handler inside its middleware, encode. */
export class Executor {
  readonly #parts: ExecutorParts;
  #startsLeft = MAX_STARTS_PER_TURN;
  #isFilling = false;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Starts as many attempts as there are slots for. */
  fill(): void {
    // A handler that ends synchronously calls this again; the loop below continues.
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (this.#startsLeft > 0) {
      const attempt = this.#parts.pool.takeNext();
      if (!attempt) break;
      if (--this.#startsLeft === 0) nextTurn(() => this.#fillInNextTurn());
      this.#start(attempt);
    }
    this.#isFilling = false;
  }

  #fillInNextTurn(): void {
    this.#startsLeft = MAX_STARTS_PER_TURN;
    this.fill();
  }

  #start(attempt: Attempt): void {
    const { envelope } = attempt.job;
    const entry = this.#parts.handlers.get(envelope.messageType);
    attempt.phase = "running";
    if (attempt.cancelReason !== undefined) this.#end(attempt, cancelled(attempt, entry?.message));
    else if (!entry || envelope.version > entry.message.version) {
      this.#end(attempt, bounced(attempt));
    } else this.#decode(attempt, entry);
  }

  // A synchronous step calls the next one directly: awaits and closures for every job would cost more than everything
  // else that the runtime does for it.

  #decode(attempt: Attempt, entry: HandlerEntry): void {
    const { version, data: json } = attempt.job.envelope;
    let data: unknown;
    try {
      data = decodeData(entry.message, version, json);
    } catch (error) {
      this.#end(attempt, failed(attempt, entry.message, error));
      return;
    }
    if (!(data instanceof Promise)) this.#run(attempt, entry, data);
    else {
      data.then(
        (value) => this.#run(attempt, entry, value),
        (error) => this.#end(attempt, failed(attempt, entry.message, error)),
      );
    }
  }

  #run(attempt: Attempt, entry: HandlerEntry, data: unknown): void {
    // An asynchronous schema may have taken a while.
    if (attempt.phase === "ended") return;
    if (attempt.cancelReason !== undefined) this.#end(attempt, cancelled(attempt, entry.message));
    else if (attempt.isLost || attempt.abortReason) this.#end(attempt, released(attempt));
    else this.#call(attempt, entry, data);
  }

  #call(attempt: Attempt, { message, handler }: HandlerEntry, data: unknown): void {
    const { middleware } = this.#parts;
    attempt.hasRun = true;
    if (message.timeout !== undefined) this.#limitTime(attempt, message, message.timeout);
    const context = new JobContext(data, attempt, message, this.#parts);
    if (middleware.settled.length > 0) attempt.context = context;
    let returned: unknown;
    try {
      returned = middleware.hasRun ? middleware.run(context, async () => handler(context)) : handler(context);
      // For other libraries' promises; `resolve` returns a native one as it is.
      if (isThenable(returned)) returned = Promise.resolve(returned);
    } catch (error) {
      this.#end(attempt, threw(attempt, message, error));
      return;
    }
    if (!(returned instanceof Promise)) this.#encode(attempt, message, returned);
    else {
      returned.then(
        (value) => this.#encode(attempt, message, value),
        (error) => this.#end(attempt, threw(attempt, message, error)),
      );
    }
  }

  #encode(attempt: Attempt, message: Message, value: unknown): void {
    const { result: codec } = message.codecs;
    // A handler that blocks the event loop ends before the timer of its grace fires.
    if (attempt.deadline !== undefined && monotonicNow(this.#parts.clock) >= attempt.deadline) {
      this.#end(attempt, timedOut(attempt, message));
      return;
    }
    let json: MaybePromise<string> = "";
    try {
      const what = `result of ${message.name}`;
      if (codec) json = encodePayload(what, codec, value, message.limits.result, "INVALID_RESULT");
    } catch (error) {
      this.#end(attempt, failed(attempt, message, error));
      return;
    }
    if (!(json instanceof Promise)) this.#end(attempt, completed(attempt, json || undefined));
    else {
      json.then(
        (text) => this.#end(attempt, completed(attempt, text || undefined)),
        (error) => this.#end(attempt, failed(attempt, message, error)),
      );
    }
  }

  /** Aborts the signal first. A handler that doesn't stop then loses its job and its slot after the grace. */
  #limitTime(attempt: Attempt, message: Message, timeout: number): void {
    const { clock } = this.#parts;
    const { timeoutGrace } = message;
    attempt.deadline = monotonicNow(clock) + timeout + timeoutGrace;
    attempt.cancelTimer = clock.after(timeout, () => {
      attempt.abort(new QueueError("TIMEOUT", `The attempt ran longer than ${timeout} ms.`));
      attempt.cancelTimer = clock.after(timeoutGrace, () => this.#end(attempt, timedOut(attempt, message)));
    });
  }

  /** Only the first end counts, whatever an abandoned handler does later. */
  #end(attempt: Attempt, end: AttemptEnd): void {
    if (attempt.phase === "ended") return;
    attempt.end();
    this.#parts.pool.finish(attempt, end);
    this.fill();
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
