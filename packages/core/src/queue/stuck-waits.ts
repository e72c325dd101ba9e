import type { Clock } from "../engine/clock.ts";
import type { Engine } from "../engine/port.ts";
import { isTerminal } from "../engine/state-machine.ts";
import type { Logger } from "../logging/logger.ts";
import { Answers } from "./answers.ts";
import { explain, type JobExplanation, type StateReason } from "./explain.ts";

/** From the first wait to the first look at jobs that haven't ended; then twice as long each time. */
const FIRST_LOOK = 3_000;
const MAX_PAUSE = 60_000;
/** Jobs that one look explains. */
const MAX_EXPLAINED = 10;
/** Sentences of one explanation: a job may wait for thousands of others. */
const MAX_REASONS = 3;
const EXPLAIN_TIMEOUT = 1_000;

/** What this process has reported. Beyond the limit it stays silent: that many causes say enough. */
const reported = new Set<string>();
const MAX_REPORTED = 100;

/**
 * Logs why jobs that are waited for don't move, when nothing will move them by itself: no worker serves their queue,
 * it is paused, or a failed dependency holds them. Each cause once per process.
 */
export class StuckWaits {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waitedFor: () => Iterable<string>;
  readonly #answers: Answers;
  #cancelTimer: (() => void) | undefined;

  constructor(engine: Engine, clock: Clock, logger: Logger, waitedFor: () => Iterable<string>) {
    this.#engine = engine;
    this.#clock = clock;
    this.#logger = logger;
    this.#waitedFor = waitedFor;
    this.#answers = new Answers(clock);
  }

  /** Begins to look, with the first wait. */
  start(): void {
    this.#schedule(FIRST_LOOK);
  }

  stop(): void {
    this.#cancelTimer?.();
  }

  /** Why a job hasn't ended, in sentences; `undefined` when that isn't known. Never rejects. */
  async why(id: string): Promise<string | undefined> {
    const explanation = await this.#explain(id);
    if (!explanation || isTerminal(explanation.state)) return undefined;
    return explanation.reasons
      .slice(0, MAX_REASONS)
      .map(({ text }) => text)
      .join(" ");
  }

  #schedule(pause: number): void {
    this.#cancelTimer = this.#clock.after(pause, () => {
      this.#schedule(Math.min(2 * pause, MAX_PAUSE));
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    let left = MAX_EXPLAINED;
    for (const id of this.#waitedFor()) {
      if (left-- === 0 || reported.size >= MAX_REPORTED) return;
      const explanation = await this.#explain(id);
      const reason = explanation && stuckReason(explanation);
      if (!reason) continue;
      const cause = causeOf(reason);
      if (reported.has(cause)) continue;
      reported.add(cause);
      this.#logger.warn(`wait() waits for the job ${id}, and nothing will move it by itself. ${reason.text}`);
    }
  }

  async #explain(id: string): Promise<JobExplanation | undefined> {
    const explanation = explain(this.#engine, id, this.#clock.now());
    return this.#answers.within(EXPLAIN_TIMEOUT, explanation).catch(() => undefined);
  }
}

function stuckReason({ state, reasons }: JobExplanation): StateReason | undefined {
  if (state !== "queued" && state !== "blocked") return undefined;
  return reasons.find(
    (reason) =>
      reason.kind === "paused-queue" ||
      (reason.kind === "dependency" && reason.held) ||
      (reason.kind === "ready" && reason.unserved),
  );
}

function causeOf(reason: StateReason): string {
  if (reason.kind === "dependency") return `held ${reason.job}`;
  return "queue" in reason ? `${reason.kind} ${reason.queue}` : reason.kind;
}
