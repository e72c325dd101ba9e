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
/** For a call to the engine. After that the rows are unlocked, for a relay with a better connection. */
const ENGINE_TIMEOUT = 10_000;
/** For a whole turn. A half-open connection to Postgres never answers. */
const TURN_TIMEOUT = 30_000;
/** Less than the ten seconds that a stopping worker gives its services. */
const STOP_TIMEOUT = 8_000;

/** Poll interval of an awake relay, in milliseconds. */
const AWAKE_POLL_INTERVAL = 10;
/** Poll interval while other relays hold ordering keys that this one could move. */
const BUSY_KEY_INTERVAL = 10;

/** The relay stays awake while sends are closer together than this. */
const DENSE_SEND_INTERVAL = 100;
const AWAKE_DURATION = 250;
const LISTENING_DURATION = 60_000;

/**
 * Moves jobs from the outbox to the engine.
 *
 * Between turns it sleeps until a `NOTIFY` or the next poll. Commits that notify wait for each other, so under load the
 * relay stays awake and records that in `queue_relay`. Until then senders don't notify, and it polls every few
 * milliseconds. A transaction that sent during that time may commit later and notifies nobody. So before it sleeps, the
 * relay polls at doubling intervals: such a job waits no longer for the relay than it did for its commit.
 */
export class Relay implements Service {
  readonly #parts: RelayParts;
  readonly #reporter: RelayReporter;
  readonly #id = randomSource().randomUUID();
  /** Ordering keys that other relays hold, until this one has nothing else to do. */
  readonly #busy = new Set<string>();
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isWoken = false;
  /** Whether a turn has succeeded. */
  #hasCheckedPolicies = false;
  #interrupt: (() => void) | undefined;
  #isListening = false;
  /** Senders may rely on this relay to poll until then. */
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

  /** Waits for the current turn to end. */
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
    // If the database is away, the row expires on its own.
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
        `The relay can't listen for notifications. It polls the outbox every ${pollInterval} ms instead.`,
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
      // No poll happened during the failures, whatever was announced.
      if (this.#reporter.reportSuccess()) this.#awakeUntil = Math.max(this.#awakeUntil, now());
      for (const refusal of report.refusals) this.#reporter.reportRefusal(refusal);
      return { pause: this.#pauseAfter(report), ignoresWakes: false };
    } catch (error) {
      if (!isQueueError(error, "CLOSED"))
        return { pause: this.#reporter.reportFailure(error), ignoresWakes: true };
      this.#isStopped = true;
      this.#reporter.reportGivingUp(
        "The engine was closed, so the relay stops. Stop relays before you close the engine.",
        error,
      );
      return { pause: 0, ignoresWakes: true };
    }
  }

  /** Rows hidden by a policy would be stuck unnoticed: neither the relay nor queries under its role see them. */
  async #checkPolicies(): Promise<void> {
    const { db, table } = this.#parts;
    const role = await withTypedErrors("The outbox", () => table.roleBehindPolicies(db));
    if (role !== undefined) this.#reporter.warnOfPolicies(role);
    this.#hasCheckedPolicies = true;
  }

  /** Records for how long senders need not notify. */
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
    // Counted from the reply, so that it ends later here than in the database.
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

/** A sleep that can be ended early. */
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
