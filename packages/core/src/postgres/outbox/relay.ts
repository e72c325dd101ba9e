import type { Engine } from "../../engine/engine.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { randomSource } from "../../errors/random-source.ts";
import type { Logger } from "../../logging/logger.ts";
import type { Service } from "../../middleware/middleware.ts";
import { fulfillsWithin, withTimeout } from "../../timing/with-timeout.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { type Database, withTypedErrors } from "../database.ts";
import type { OutboxTable } from "./outbox-table.ts";
import { type OutboxProblem, RelayReporter } from "./relay-reporter.ts";
import { type TurnReport, takeTurn } from "./relay-turn.ts";

export interface RelayParts {
  readonly db: Database;
  readonly schema: string;
  readonly table: OutboxTable;
  readonly engine: Engine;
  readonly logger: Logger;
  readonly listener: ChangeListener | undefined;
  /** Milliseconds. */
  readonly pollInterval: number;
  readonly batch: number;
  readonly onProblem: ((problem: OutboxProblem) => void) | undefined;
}

const CHANNEL = "queue_outbox";
/** For the engine: after that the rows go back for whichever relay has a better connection. */
const ENGINE_TIMEOUT = 10_000;
/** For a whole turn. A connection to Postgres that died half-open never answers. */
const TURN_TIMEOUT = 30_000;
/** A worker that stops gives its services ten seconds. */
const STOP_TIMEOUT = 8_000;

/** Pauses between looks, in milliseconds. */
const AWAKE_POLL_INTERVAL = 10;
/** Until another relay may have let go of the keys that this one could use. */
const BUSY_KEY_INTERVAL = 10;

/** Sends less than this apart are worth staying awake for. */
const DENSE_SEND_INTERVAL = 100;
const AWAKE_DURATION = 250;
const LISTENING_DURATION = 60_000;

/**
 * Moves jobs from the outbox to the engine.
 *
 * Between turns it sleeps until a `NOTIFY` or the poll. Commits that notify wait for each other, so under load it
 * stays awake and says so in `queue_relay`: for so long nobody notifies, and it looks every few milliseconds. Who
 * sent within that time may commit after it and then wakes nobody. So what a relay does when it may sleep again is
 * to look after pauses that double: such a job waits no longer for its relay than it did for its commit.
 */
export class Relay implements Service {
  readonly #parts: RelayParts;
  readonly #reporter: RelayReporter;
  readonly #id = randomSource().randomUUID();
  /** Keys that another relay has in hand, until this one has nothing else to do. */
  readonly #busy = new Set<string>();
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isWoken = false;
  /** Whether a turn has succeeded. */
  #hasCheckedPolicies = false;
  #interrupt: (() => void) | undefined;
  #isListening = false;
  /** Until then somebody who sends may rely on this relay to look. */
  #awakeUntil = now();
  #listeningUntil = Number.NEGATIVE_INFINITY;
  #lastMovedAt = Number.NEGATIVE_INFINITY;
  /** When the next refused job is due. */
  #retryAt = Number.POSITIVE_INFINITY;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#reporter = new RelayReporter(parts);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets the turn that is under way end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#interrupt?.();
    if (this.#running) await fulfillsWithin(this.#running, STOP_TIMEOUT);
  }

  async #run(): Promise<void> {
    const listening = this.#listen();
    while (!this.#isStopped) {
      const { pause, ignoresWakes } = await this.#turn();
      if (!this.#isStopped && pause > 0 && (ignoresWakes || !this.#isWoken))
        await this.#sleep(pause, ignoresWakes);
    }
    const { db, table } = this.#parts;
    // When the database is away, what is said there ends by itself.
    if (Number.isFinite(this.#listeningUntil)) await table.removeRelay(db, this.#id).catch(() => {});
    const endListening = await listening;
    await endListening?.();
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    const { listener, schema, pollInterval } = this.#parts;
    const wake = () => {
      this.#isWoken = true;
      this.#interrupt?.();
    };
    try {
      const end = await listener?.listen(CHANNEL, (payload) => payload === schema && wake(), wake);
      this.#isListening = end !== undefined;
      wake();
      return end;
    } catch (error) {
      this.#reporter.reportGivingUp(
        `The relay can't listen. It looks into the outbox every ${pollInterval} ms instead.`,
        error,
      );
      return undefined;
    }
  }

  async #turn(): Promise<{ readonly pause: number; readonly ignoresWakes: boolean }> {
    const { db, table, engine, batch } = this.#parts;
    const withEngineTimeout = <T>(answer: Promise<T>) =>
      withTimeout(answer, {
        milliseconds: ENGINE_TIMEOUT,
        createError: timeoutError("ENGINE_UNAVAILABLE", `The ${engine.name} engine`),
      });
    this.#isWoken = false;
    if (now() >= this.#retryAt) this.#retryAt = Number.POSITIVE_INFINITY;
    try {
      const work = withTypedErrors("The outbox", async () => {
        const report = await takeTurn({ db, table, engine, batch, withEngineTimeout }, this.#busy);
        await this.#announce(report.moved);
        return report;
      });
      const report = await withTimeout(work, {
        milliseconds: TURN_TIMEOUT,
        createError: timeoutError("DATABASE_UNAVAILABLE", "The outbox's database"),
      });
      if (!this.#hasCheckedPolicies) await this.#checkPolicies();
      // Nobody has looked meanwhile, whatever was announced.
      if (this.#reporter.reportSuccess()) this.#awakeUntil = Math.max(this.#awakeUntil, now());
      for (const refusal of report.refusals) this.#reporter.reportRefusal(refusal);
      return { pause: this.#pauseAfter(report), ignoresWakes: false };
    } catch (error) {
      if (!isQueueError(error, "CLOSED"))
        return { pause: this.#reporter.reportFailure(error), ignoresWakes: true };
      this.#isStopped = true;
      this.#reporter.reportGivingUp(
        "The engine was closed, so the relay stops. Stop relays before closing it.",
        error,
      );
      return { pause: 0, ignoresWakes: true };
    }
  }

  /** Hidden rows are found by nobody: not by this relay, and not by whoever looks for what is stuck in its role. */
  async #checkPolicies(): Promise<void> {
    const { db, table } = this.#parts;
    const role = await withTypedErrors("The outbox", () => table.roleBehindPolicies(db));
    if (role !== undefined) this.#reporter.warnOfPolicies(role);
    this.#hasCheckedPolicies = true;
  }

  /** Tells those who send whether, and how long, they needn't notify. */
  async #announce(moved: number): Promise<void> {
    const { db, table } = this.#parts;
    const at = now();
    const isDense = moved > 0 && at - this.#lastMovedAt < DENSE_SEND_INTERVAL;
    if (moved > 0) this.#lastMovedAt = at;
    if (!this.#isListening) {
      if (moved > 0) this.#awakeUntil = at + AWAKE_DURATION;
      return;
    }
    const renewsAwake = isDense && this.#awakeUntil - at < AWAKE_DURATION / 2;
    const renewsListening = this.#listeningUntil - at < LISTENING_DURATION / 2;
    if (!renewsAwake && !renewsListening) return;
    await table.announceRelay(
      db,
      this.#id,
      Math.max(isDense ? AWAKE_DURATION : 0, this.#awakeUntil - at),
      LISTENING_DURATION,
    );
    // Counted from the answer, so that it ends later here than there.
    this.#awakeUntil = Math.max(this.#awakeUntil, now() + (isDense ? AWAKE_DURATION : 0));
    this.#listeningUntil = at + LISTENING_DURATION;
  }

  #pauseAfter({ isFull, busy, refusals }: TurnReport): number {
    const at = now();
    for (const { pause } of refusals) this.#retryAt = Math.min(this.#retryAt, at + pause);
    for (const key of busy) this.#busy.add(key);
    if (isFull) return 0;
    const longest = this.#busy.size > 0 ? BUSY_KEY_INTERVAL : this.#parts.pollInterval;
    this.#busy.clear();
    const idle = Math.max(AWAKE_POLL_INTERVAL, at - this.#awakeUntil);
    return Math.max(1, Math.min(idle, longest, this.#retryAt - at));
  }

  async #sleep(milliseconds: number, ignoresWakes: boolean): Promise<void> {
    const { over, end } = startSleep(milliseconds);
    this.#interrupt = () => {
      if (this.#isStopped || !ignoresWakes) end();
    };
    await over;
    this.#interrupt = undefined;
  }
}

function now(): number {
  return performance.now();
}

/** A time that can be ended early. */
function startSleep(milliseconds: number): { readonly over: Promise<void>; end(): void } {
  let end: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    end = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, end };
}

function timeoutError(code: ErrorCode, who: string): (milliseconds: number) => QueueError {
  return (milliseconds) => new QueueError(code, `${who} didn't answer within ${milliseconds / 1_000} s.`);
}
