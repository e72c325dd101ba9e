import type { AttemptOutcome, Release } from "../../engine/core.ts";
import type { Attempt } from "../attempt/attempt.ts";
import type { AttemptEnd } from "../attempt/attempt-end.ts";

/** The end of an attempt as the engine takes it. */
export interface PendingEnd<Item> {
  readonly attempt: Attempt;
  readonly item: Item;
}

/** How attempts ended that the engine doesn't know of yet, in the order in which they ended. */
export class PendingEnds {
  #outcomes: PendingEnd<AttemptOutcome>[] = [];
  #releases: PendingEnd<Release>[] = [];
  /** Jobs whose outcomes are in a call to the engine. */
  readonly #inFlight = new Set<string>();
  #onAdd: () => void = () => {};

  /** Calls the listener after each end that is added. There is one: what sends the ends. */
  onAdd(listener: () => void): void {
    this.#onAdd = listener;
  }

  get isEmpty(): boolean {
    return this.#outcomes.length === 0 && this.#releases.length === 0;
  }

  get outcomes(): number {
    return this.#outcomes.length;
  }

  /**
   * Whether all outcomes may go into a call beside those in flight. One that follows another job in a run may not
   * while that one's outcome is in flight: that call could fail, or arrive later.
   */
  get maySend(): boolean {
    return this.#outcomes.every(({ attempt: { job } }) => !job.follows || !this.#inFlight.has(job.follows));
  }

  add(attempt: Attempt, end: AttemptEnd): void {
    if (end.kind === "settle") this.#outcomes.push({ attempt, item: end.outcome });
    else if (end.kind === "release") this.#releases.push({ attempt, item: end.release });
    this.#onAdd();
  }

  /** The outcomes for a call. `land` ends their flight. */
  takeOutcomes(): readonly PendingEnd<AttemptOutcome>[] {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (const { item } of outcomes) this.#inFlight.add(item.id);
    return outcomes;
  }

  land(outcomes: readonly PendingEnd<AttemptOutcome>[]): void {
    for (const { item } of outcomes) this.#inFlight.delete(item.id);
  }

  takeReleases(): readonly PendingEnd<Release>[] {
    const releases = this.#releases;
    this.#releases = [];
    return releases;
  }

  /** Ends whose call failed go first in the next one. */
  restoreOutcomes(outcomes: readonly PendingEnd<AttemptOutcome>[]): void {
    this.#outcomes = [...outcomes, ...this.#outcomes];
  }

  restoreReleases(releases: readonly PendingEnd<Release>[]): void {
    this.#releases = [...releases, ...this.#releases];
  }

  /** Removes all, and returns whose ends they were. */
  clear(): readonly Attempt[] {
    const attempts = [...this.#outcomes, ...this.#releases].map(({ attempt }) => attempt);
    this.#outcomes = [];
    this.#releases = [];
    return attempts;
  }
}
