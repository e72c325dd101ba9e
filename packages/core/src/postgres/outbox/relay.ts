import type { Engine } from "../../engine/port.ts";
import type { ErrorCode } from "../../errors/codes.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { randomSource } from "../../errors/random-source.ts";
import type { Logger } from "../../logging/logger.ts";
import type { Service } from "../../middleware/middleware.ts";
import type { ChangeListener } from "../changes/listener.ts";
import { asTyped, type Database } from "../database.ts";
import { within } from "../within.ts";
import type { OutboxTable } from "./outbox-table.ts";
import { type OutboxProblem, RelayReports } from "./relay-reports.ts";
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
const LONGEST_ANSWER = 10_000;
/** For a whole turn. A connection to Postgres that died half-open never answers. */
const LONGEST_TURN = 30_000;
/** A worker that stops gives its services ten seconds. */
const LONGEST_STOP = 8_000;

/** Pauses between looks, in milliseconds. */
const LOOK = 10;
/** Until another relay may have let go of the keys that this one could use. */
const BUSY = 10;

/** Sends less than this apart are worth staying awake for. */
const DENSE = 100;
const AWAKE = 250;
const LISTENING = 60_000;

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
  readonly #reports: RelayReports;
  readonly #id = randomSource().randomUUID();
  /** Keys that another relay has in hand, until this one has nothing else to do. */
  readonly #busy = new Set<string>();
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isWoken = false;
  /** Whether a turn has succeeded. */
  #hasLooked = false;
  #interrupt: (() => void) | undefined;
  #isListening = false;
  /** Until then somebody who sends may rely on this relay to look. */
  #awakeUntil = now();
  #listeningUntil = Number.NEGATIVE_INFINITY;
  #lastMoved = Number.NEGATIVE_INFINITY;
  /** When the next refused job is due. */
  #retryAt = Number.POSITIVE_INFINITY;

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#reports = new RelayReports(parts);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Lets the turn that is under way end. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#interrupt?.();
    const late = rest(LONGEST_STOP);
    await Promise.race([this.#running, late.over]);
    late.end();
  }

  async #run(): Promise<void> {
    const listening = this.#listen();
    while (!this.#isStopped) {
      const { pause, isDeaf } = await this.#turn();
      if (!this.#isStopped && pause > 0 && (isDeaf || !this.#isWoken)) await this.#rest(pause, isDeaf);
    }
    const { db, table } = this.#parts;
    // When the database is away, what is said there ends by itself.
    if (Number.isFinite(this.#listeningUntil)) await table.leave(db, this.#id).catch(() => {});
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
      this.#reports.gaveUp(
        `The relay can't listen. It looks into the outbox every ${pollInterval} ms instead.`,
        error,
      );
      return undefined;
    }
  }

  async #turn(): Promise<{ readonly pause: number; readonly isDeaf: boolean }> {
    const { db, table, engine, batch } = this.#parts;
    const withEngine = <T>(answer: Promise<T>) =>
      within(LONGEST_ANSWER, answer, () =>
        silence("ENGINE_UNAVAILABLE", `The ${engine.name} engine`, LONGEST_ANSWER),
      );
    this.#isWoken = false;
    if (now() >= this.#retryAt) this.#retryAt = Number.POSITIVE_INFINITY;
    try {
      const work = asTyped("The outbox", async () => {
        const report = await takeTurn({ db, table, engine, batch, within: withEngine }, this.#busy);
        await this.#announce(report.moved);
        return report;
      });
      const report = await within(LONGEST_TURN, work, () =>
        silence("DATABASE_UNAVAILABLE", "The outbox's database", LONGEST_TURN),
      );
      if (!this.#hasLooked) await this.#checkPolicies();
      // Nobody has looked meanwhile, whatever was announced.
      if (this.#reports.succeeded()) this.#awakeUntil = Math.max(this.#awakeUntil, now());
      for (const refusal of report.refusals) this.#reports.refused(refusal);
      return { pause: this.#pauseAfter(report), isDeaf: false };
    } catch (error) {
      if (!isQueueError(error, "CLOSED")) return { pause: this.#reports.failed(error), isDeaf: true };
      this.#isStopped = true;
      this.#reports.gaveUp(
        "The engine was closed, so the relay stops. Stop relays before closing it.",
        error,
      );
      return { pause: 0, isDeaf: true };
    }
  }

  /** Hidden rows are found by nobody: not by this relay, and not by whoever looks for what is stuck in its role. */
  async #checkPolicies(): Promise<void> {
    const { db, table } = this.#parts;
    const role = await asTyped("The outbox", () => table.roleBehindPolicies(db));
    if (role !== undefined) this.#reports.policiesApply(role);
    this.#hasLooked = true;
  }

  /** Tells those who send whether, and how long, they needn't notify. */
  async #announce(moved: number): Promise<void> {
    const { db, table } = this.#parts;
    const at = now();
    const isDense = moved > 0 && at - this.#lastMoved < DENSE;
    if (moved > 0) this.#lastMoved = at;
    if (!this.#isListening) {
      if (moved > 0) this.#awakeUntil = at + AWAKE;
      return;
    }
    const renewsAwake = isDense && this.#awakeUntil - at < AWAKE / 2;
    const renewsListening = this.#listeningUntil - at < LISTENING / 2;
    if (!renewsAwake && !renewsListening) return;
    await table.announce(db, this.#id, Math.max(isDense ? AWAKE : 0, this.#awakeUntil - at), LISTENING);
    // Counted from the answer, so that it ends later here than there.
    this.#awakeUntil = Math.max(this.#awakeUntil, now() + (isDense ? AWAKE : 0));
    this.#listeningUntil = at + LISTENING;
  }

  #pauseAfter({ isFull, busy, refusals }: TurnReport): number {
    const at = now();
    for (const { pause } of refusals) this.#retryAt = Math.min(this.#retryAt, at + pause);
    for (const key of busy) this.#busy.add(key);
    if (isFull) return 0;
    const longest = this.#busy.size > 0 ? BUSY : this.#parts.pollInterval;
    this.#busy.clear();
    const idle = Math.max(LOOK, at - this.#awakeUntil);
    return Math.max(1, Math.min(idle, longest, this.#retryAt - at));
  }

  async #rest(milliseconds: number, isDeaf: boolean): Promise<void> {
    const { over, end } = rest(milliseconds);
    this.#interrupt = () => {
      if (this.#isStopped || !isDeaf) end();
    };
    await over;
    this.#interrupt = undefined;
  }
}

function now(): number {
  return performance.now();
}

/** A time that can be ended early. */
function rest(milliseconds: number): { readonly over: Promise<void>; end(): void } {
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

function silence(code: ErrorCode, who: string, milliseconds: number): QueueError {
  return new QueueError(code, `${who} didn't answer within ${milliseconds / 1_000} s.`);
}
