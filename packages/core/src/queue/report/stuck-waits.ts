import type { Engine } from "../../engine/engine.ts";
import type { JobKey } from "../../engine/job.ts";
import { isTerminal } from "../../engine/state-machine.ts";
import { isQueueError } from "../../errors/queue-error.ts";
import { sentence } from "../../errors/sentence.ts";
import { messageOf } from "../../errors/thrown.ts";
import type { Logger } from "../../logging/logger.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import type { Clock } from "../../timing/clock.ts";
import { Deadline } from "../../timing/deadline.ts";
import { explain, type JobExplanation, type StateReason } from "../read/explain.ts";
import { NOT_MOVED } from "../read/not-found.ts";

/** Pauses before each look at jobs that haven't ended, from the first wait on. */
const LOOK_BACKOFF = { first: 3_000, max: 60_000 };
/** Jobs that one look explains. */
const MAX_EXPLAINED = 10;
/** Sentences of one explanation: a job may wait for thousands of others. */
const MAX_REASONS = 3;
const EXPLAIN_TIMEOUT = 1_000;
/** Times that a job is given back before that is reported, which take some seven seconds: a deployment is quicker. */
const MIN_BOUNCES = 3;

/** What this process has reported. Beyond the limit it stays silent: that many causes say enough. */
const reported = new Set<string>();
const MAX_REPORTED = 100;

/** A job that is waited for. `mayArrive`: it was sent in a transaction, and wasn't seen in the engine yet. */
export interface PendingWait {
  readonly key: JobKey;
  readonly since: number;
  readonly mayArrive: boolean;
}

/**
 * Logs why jobs that are waited for don't move, when nothing will move them by itself: no worker serves their queue
 * or handles them, it is paused, a failed job holds them; or the engine doesn't know them or is away. Each cause once
 * per process.
 */
export class StuckWaits {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waits: () => Iterable<PendingWait>;
  readonly #deadline: Deadline;
  #cancelTimer: (() => void) | undefined;

  constructor(engine: Engine, clock: Clock, logger: Logger, waits: () => Iterable<PendingWait>) {
    this.#engine = engine;
    this.#clock = clock;
    this.#logger = logger;
    this.#waits = waits;
    this.#deadline = new Deadline(clock);
  }

  /** Begins to look, with the first wait. */
  start(): void {
    this.#schedule(1);
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** What is known of a job that was waited for in vain, in sentences. `mayArrive` as of a `PendingWait`. Never rejects. */
  async describe(key: JobKey, mayArrive: boolean): Promise<string> {
    try {
      const { state, reasons } = await this.#explain(key);
      if (isTerminal(state)) return `It is ${state} by now: wait again for its ending.`;
      return ["It goes on.", ...reasons.slice(0, MAX_REASONS).map(({ text }) => text)].join(" ");
    } catch (error) {
      return describeProblem(error, mayArrive);
    }
  }

  #schedule(look: number): void {
    this.#cancelTimer = this.#clock.after(backoffDelay(LOOK_BACKOFF, look), () => {
      this.#schedule(look + 1);
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    let left = MAX_EXPLAINED;
    for (const wait of this.#waits()) {
      if (left-- === 0 || reported.size >= MAX_REPORTED) return;
      const found = await this.#cause(wait);
      if (this.#cancelTimer === undefined) return;
      if (!found || reported.has(found.cause)) continue;
      reported.add(found.cause);
      this.#logger.warn(`wait() waits for the job ${wait.key.id}${found.text}`);
    }
  }

  async #cause({ key, since, mayArrive }: PendingWait): Promise<StuckCause | undefined> {
    try {
      const reason = stuckReason(await this.#explain(key));
      return (
        reason && { cause: causeOf(reason), text: `, and nothing will move it by itself. ${reason.text}` }
      );
    } catch (error) {
      // The relay may be about to move it, or the engine to come back.
      if (this.#clock.now() - since < LOOK_BACKOFF.first) return undefined;
      const cause = isQueueError(error) ? error.code : "error";
      return { cause, text: `. ${describeProblem(error, mayArrive)}` };
    }
  }

  #explain(key: JobKey): Promise<JobExplanation> {
    return this.#deadline.limit(explain(this.#engine, key, this.#clock.now()), EXPLAIN_TIMEOUT);
  }
}

interface StuckCause {
  readonly cause: string;
  readonly text: string;
}

/** Why a job couldn't be explained. */
function describeProblem(error: unknown, mayArrive: boolean): string {
  if (!isQueueError(error, "JOB_NOT_FOUND")) return `Its state isn't known: ${sentence(messageOf(error))}`;
  return mayArrive ? NOT_MOVED : error.message;
}

function stuckReason({ state, reasons }: JobExplanation): StateReason | undefined {
  if (isTerminal(state) || state === "active") return undefined;
  // The last one is the most specific.
  return reasons.findLast(
    (reason) =>
      (reason.kind === "paused-queue" && state !== "scheduled") ||
      ((reason.kind === "dependency" || reason.kind === "ordering-key") && reason.held) ||
      (reason.kind === "unhandled" && (reason.workers !== undefined || reason.bounces >= MIN_BOUNCES)) ||
      (reason.kind === "ready" && reason.unserved),
  );
}

function causeOf(reason: StateReason): string {
  if (reason.kind === "dependency") return `held ${reason.job}`;
  if (reason.kind === "ordering-key") return `held ${reason.behind}`;
  if (reason.kind === "unhandled") {
    return `${reason.kind} ${reason.queue} ${reason.messageType}@${reason.version}`;
  }
  return "queue" in reason ? `${reason.kind} ${reason.queue}` : reason.kind;
}
