import type { HandledMessage } from "../../engine/core.ts";
import type { Engine } from "../../engine/engine.ts";
import { backoffDelay } from "../../timing/backoff.ts";
import { type Clock, monotonicNow } from "../../timing/clock.ts";
import type { FailureLog } from "../failure-log.ts";

export interface WorkWaiterParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly failureLog: FailureLog;
  readonly queues: readonly string[];
  /** What the worker can run; absent where the engine can't select. */
  readonly handles: readonly HandledMessage[] | undefined;
  /** Milliseconds. */
  readonly pollInterval: number;
}

const OPERATION = "wait for work";
/** Milliseconds of one wait, longer than most poll intervals: polls go on beside it, so it isn't repeated for each. */
const WAIT_TIMEOUT = 30_000;
/** Milliseconds after the wait's own timeout in which the engine must answer. Later, its connection is dead. */
const ANSWER_GRACE = 1_000;
/** Wakes in fewer milliseconds without a job claimed suggest that the engine wakes for jobs it doesn't hand out. */
const SHORT_WAIT = 20;
/** More of them in a row are slowed down. */
const MAX_EMPTY_WAKES = 2;
const EMPTY_WAKE_BACKOFF = { first: 5, max: 250 };

/** Waits for work: until the engine reports some, and at most for the poll interval, even if the engine hangs. */
export class WorkWaiter {
  readonly #parts: WorkWaiterParts;
  #isWaiting = false;
  #isStopped = false;
  /** Whether the latest claim is a poll. */
  #isPolling = false;
  #emptyWakes = 0;
  #onWork: () => void = () => {};
  #endWait: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;

  constructor(parts: WorkWaiterParts) {
    this.#parts = parts;
  }

  /** Calls `onWork` once there may be work. A wait that lasts from an earlier call goes on. */
  wait(onWork: () => void): void {
    if (this.#isStopped) return;
    this.#onWork = onWork;
    this.#isPolling = false;
    this.#cancelPoll ??= this.#parts.clock.after(this.#parts.pollInterval, () => this.#poll());
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const excess = this.#emptyWakes - MAX_EMPTY_WAKES;
    if (excess <= 0) this.#block();
    else this.#pause(backoffDelay(EMPTY_WAKE_BACKOFF, excess), () => this.#block());
  }

  /** A claim got jobs: the wakes so far weren't empty. */
  reset(): void {
    this.#emptyWakes = 0;
    if (!this.#isPolling) return;
    // The engine didn't report these jobs. It may have lost this wait, so the next one is a new one.
    this.#isPolling = false;
    this.#endWait?.();
    this.#isWaiting = false;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelPoll?.();
    this.#endWait?.();
  }

  #block(): void {
    const { engine, clock, failureLog, queues, handles, pollInterval } = this.#parts;
    const controller = new AbortController();
    const since = monotonicNow(clock);
    const timeout = Math.max(pollInterval, WAIT_TIMEOUT);
    let isOver = false;
    const end = () => {
      isOver = true;
      cancelTimer();
      this.#endWait = undefined;
    };
    const giveUp = () => {
      end();
      controller.abort();
    };
    const onEnd = () => {
      if (isOver) return;
      end();
      const waited = monotonicNow(clock) - since;
      this.#emptyWakes = waited < SHORT_WAIT ? this.#emptyWakes + 1 : 0;
      if (waited < timeout) this.#wake();
      else if (!this.#isStopped) this.#block();
    };
    const cancelTimer = clock.after(timeout + ANSWER_GRACE, () => {
      controller.abort();
      onEnd();
    });
    this.#endWait = giveUp;
    const { signal } = controller;
    engine.core.waitForWork({ queues, timeout, signal, ...(handles && { handles }) }).then(
      () => {
        failureLog.succeeded(OPERATION);
        onEnd();
      },
      (error) => {
        if (isOver) return;
        end();
        const pause = failureLog.failed(OPERATION, error);
        if (!this.#isStopped) this.#pause(pause, () => this.#wake());
      },
    );
  }

  #pause(milliseconds: number, then: () => void): void {
    const cancel = this.#parts.clock.after(milliseconds, () => {
      this.#endWait = undefined;
      then();
    });
    this.#endWait = cancel;
  }

  #poll(): void {
    this.#cancelPoll = undefined;
    this.#isPolling = true;
    this.#onWork();
  }

  #wake(): void {
    this.#isWaiting = false;
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
    if (!this.#isStopped) this.#onWork();
  }
}
