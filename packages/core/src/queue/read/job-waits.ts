import type { Duration } from "../../contract/duration.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineEvent, Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import type { JobKey, JobRecord, RememberedEnding } from "../../engine/job.ts";
import { isTerminal, TERMINAL_STATES, type TerminalState } from "../../engine/state-machine.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import type { Logger } from "../../logging/logger.ts";
import type { Clock } from "../../timing/clock.ts";
import { nextTurn } from "../../timing/next-turn.ts";
import { fulfillsWithin } from "../../timing/with-timeout.ts";
import type { EventHub } from "../events/event-hub.ts";
import { type PendingWait, StuckWaits } from "../report/stuck-waits.ts";
import { notFound, notMoved } from "./not-found.ts";
import { Retries } from "./retries.ts";

/** How a job ended. `record` is `null` when the job is gone, and only its tombstone tells of it. */
export interface Ending {
  readonly id: string;
  readonly state: TerminalState;
  readonly messageType: string;
  readonly record: Pick<JobRecord, "result" | "error"> | null;
}

interface Waiter {
  readonly since: number;
  /** Milliseconds after `since` in which a job that isn't stored may come yet. 0 once it was seen. */
  arrivalTimeout: number;
  readonly resolve: (ending: Ending) => void;
  readonly reject: (error: unknown) => void;
}

interface AwaitedJob {
  readonly key: JobKey;
  readonly waiters: Set<Waiter>;
  /** In force, or on its way. Absent after it failed. */
  subscription: Promise<Unsubscribe> | undefined;
}

interface WaitLimits {
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds that a job which isn't stored yet is given. @default 0 */
  readonly arrivalTimeout?: number | undefined;
}

/** What `wait` takes. */
export interface WaitOptions {
  /** Longest to wait. @default as long as it takes */
  readonly timeout?: Duration | undefined;
  /** Ends the wait, not the job; the wait rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How often waited-for jobs are looked up although no event came, in case one was lost. */
export const WAIT_POLL_INTERVAL = 5_000;
/** The same on an engine that has no events. */
const EVENTLESS_POLL_INTERVAL = 1_000;
/** Longest that a wait whose time is over takes to look whether the job has ended. */
const LAST_READ_TIMEOUT = 1_000;
/** Jobs that one look-up reads. */
const MAX_READ = 1_000;

/** Everyone who waits for a job to end: a subscription for each job, and one poll for all. */
export class JobWaits {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #hub: EventHub;
  readonly #stuck: StuckWaits;
  /** By the job's id. */
  readonly #awaited = new Map<string, AwaitedJob>();
  /** Endings of events, for jobs that are gone by the time they are read. */
  readonly #endings = new Map<string, Omit<Ending, "record">>();
  readonly #unread = new Set<string>();
  /** Of subscriptions and look-ups that failed. */
  readonly #retries: Retries;
  #cancelPoll: (() => void) | undefined;

  constructor(engine: Engine, clock: Clock, hub: EventHub, logger: Logger) {
    this.#engine = engine;
    this.#clock = clock;
    this.#hub = hub;
    this.#stuck = new StuckWaits(engine, clock, logger, () => this.#pending());
    this.#retries = new Retries(clock, (ids) => {
      for (const id of ids) this.#listenAndRead(id);
    });
  }

  wait(key: JobKey, { timeout, signal, arrivalTimeout = 0 }: WaitLimits): Promise<Ending> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { id } = key;
    return new Promise((resolve, reject) => {
      const leave = () => {
        cancelTimer?.();
        signal?.removeEventListener("abort", abort);
        this.#leave(id, waiter);
      };
      const waiter: Waiter = {
        since: this.#clock.now(),
        arrivalTimeout,
        resolve: (ending) => {
          leave();
          resolve(ending);
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      const abort = () => waiter.reject(signal!.reason);
      const expire = async () => {
        // It may have ended without an event.
        const [known] = await Promise.all([
          this.#stuck.describe(key, waiter.arrivalTimeout > 0),
          fulfillsWithin(this.#read([key]), LAST_READ_TIMEOUT, this.#clock),
        ]);
        waiter.reject(
          new QueueError("WAIT_TIMEOUT", `The job ${id} didn't end within ${timeout} ms. ${known}`),
        );
      };
      const cancelTimer = timeout === undefined ? undefined : this.#clock.after(timeout, () => void expire());
      signal?.addEventListener("abort", abort);
      this.#join(key, waiter);
    });
  }

  close(): void {
    const error = new QueueError(
      "CLOSED",
      "The queue was closed while waiting for the job. Closing doesn't change the job.",
    );
    for (const { waiters } of [...this.#awaited.values()])
      for (const waiter of [...waiters]) waiter.reject(error);
  }

  /** Of each job that is waited for, the wait that began first. */
  *#pending(): Iterable<PendingWait> {
    for (const { key, waiters } of this.#awaited.values()) {
      const [waiter] = waiters;
      if (waiter) yield { key, since: waiter.since, mayArrive: waiter.arrivalTimeout > 0 };
    }
  }

  #join(key: JobKey, waiter: Waiter): void {
    const { id } = key;
    const awaited = this.#awaited.get(id);
    if (awaited) awaited.waiters.add(waiter);
    else this.#awaited.set(id, { key, waiters: new Set([waiter]), subscription: undefined });
    if (!this.#cancelPoll) {
      this.#schedulePoll();
      this.#stuck.start();
    }
    this.#listenAndRead(id);
  }

  #leave(id: string, waiter: Waiter): void {
    const awaited = this.#awaited.get(id);
    if (!awaited?.waiters.delete(waiter) || awaited.waiters.size > 0) return;
    this.#awaited.delete(id);
    this.#endings.delete(id);
    awaited.subscription?.then((end) => end()).catch(() => undefined);
    if (this.#awaited.size > 0) return;
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
    this.#retries.clear();
    this.#stuck.stop();
  }

  /** In this order, so that no ending falls between them. */
  #listenAndRead(id: string): void {
    const awaited = this.#awaited.get(id);
    if (awaited) void this.#listen(awaited).then(() => this.#readSoon(id));
  }

  /** Without a subscription the poll still finds the ending, and tries to subscribe again. */
  async #listen(awaited: AwaitedJob): Promise<void> {
    const { key } = awaited;
    awaited.subscription ??= this.#hub.subscribe({
      jobs: [key],
      types: TERMINAL_STATES,
      detail: true,
      onEvent: (event) => this.#onEvent(event),
      // The ending may have been missed.
      onGap: () => this.#readSoon(key.id),
    });
    const { subscription } = awaited;
    try {
      await subscription;
    } catch (error) {
      if (awaited.subscription === subscription) awaited.subscription = undefined;
      if (isAway(error) && this.#awaited.has(key.id)) this.#retries.add(key.id);
    }
  }

  #onEvent({ id, type, messageType, ending }: EngineEvent): void {
    if (type === "progress" || !isTerminal(type) || !this.#awaited.has(id)) return;
    const known = { id, state: type, messageType };
    if (ending) this.#settle(id, (waiter) => waiter.resolve({ ...known, record: ending }));
    else {
      this.#endings.set(id, known);
      this.#readSoon(id);
    }
  }

  #schedulePoll(): void {
    const interval = this.#engine.events ? WAIT_POLL_INTERVAL : EVENTLESS_POLL_INTERVAL;
    this.#cancelPoll = this.#clock.after(interval, () => this.#poll());
  }

  #poll(): void {
    this.#schedulePoll();
    for (const [id, awaited] of this.#awaited) {
      if (!awaited.subscription) void this.#listen(awaited);
      this.#readSoon(id);
    }
  }

  #readSoon(id: string): void {
    if (this.#unread.size === 0) nextTurn(() => this.#readAll());
    this.#unread.add(id);
  }

  #readAll(): void {
    const keys = [...this.#unread].flatMap((id) => this.#awaited.get(id)?.key ?? []);
    this.#unread.clear();
    for (let start = 0; start < keys.length; start += MAX_READ)
      void this.#read(keys.slice(start, start + MAX_READ));
  }

  async #read(keys: readonly JobKey[]): Promise<void> {
    let records: readonly (JobRecord | null)[];
    const gone = new Map<string, RememberedEnding | null>();
    try {
      records = await facetOf(this.#engine, "inspect").get(keys);
      const missing = keys.filter((_, index) => !records[index]);
      const endings = missing.length > 0 ? await facetOf(this.#engine, "inspect").remembered(missing) : [];
      for (const [index, { id }] of missing.entries()) gone.set(id, endings[index] ?? null);
    } catch (error) {
      for (const { id } of keys) {
        if (!isAway(error)) this.#settle(id, (waiter) => waiter.reject(error));
        else if (this.#awaited.has(id)) this.#retries.add(id);
      }
      return;
    }
    this.#retries.noteSuccess();
    for (const [index, { id }] of keys.entries()) this.#decide(id, records[index] ?? null, gone.get(id));
  }

  #decide(id: string, record: JobRecord | null, remembered: RememberedEnding | null | undefined): void {
    const ending = this.#endings.get(id) ?? remembered;
    if (record) {
      const { state, envelope } = record;
      if (!isTerminal(state)) {
        this.#settle(id, (waiter) => {
          waiter.arrivalTimeout = 0;
        });
        return;
      }
      this.#settle(id, (waiter) => waiter.resolve({ id, state, messageType: envelope.messageType, record }));
    } else if (ending) this.#settle(id, (waiter) => waiter.resolve({ ...ending, id, record }));
    else {
      const now = this.#clock.now();
      this.#settle(id, (waiter) => {
        const { since, arrivalTimeout } = waiter;
        if (arrivalTimeout === 0) waiter.reject(notFound(id));
        else if (now >= since + arrivalTimeout) waiter.reject(notMoved(id, arrivalTimeout));
      });
    }
  }

  #settle(id: string, settle: (waiter: Waiter) => void): void {
    for (const waiter of [...(this.#awaited.get(id)?.waiters ?? [])]) settle(waiter);
  }
}

function isAway(error: unknown): boolean {
  return isQueueError(error) && error.retryable;
}
