import type { Attempt } from "../attempt/attempt.ts";

/** Started attempts that may stay at the front of the array: copying the rest must be worth it. */
const MAX_STARTED = 1_024;

/**
 * Attempts that haven't started, in the order in which they start. A follower, the next job of an ordering key, isn't
 * in line: it starts in the place of the attempt ahead of it, once that has ended.
 */
export class AttemptBuffer {
  #items: Attempt[] = [];
  #next = 0;
  #followers = 0;

  /** How many need nothing but a slot. */
  get ready(): number {
    return this.#items.length - this.#next;
  }

  get followers(): number {
    return this.#followers;
  }

  get size(): number {
    return this.ready + this.#followers;
  }

  push(attempt: Attempt): void {
    this.#items.push(attempt);
  }

  /** The first in line. */
  shift(): Attempt | undefined {
    if (this.#next === this.#items.length) return undefined;
    const attempt = this.#items[this.#next++];
    if (this.#next === this.#items.length || this.#next >= MAX_STARTED) {
      this.#items = this.#items.slice(this.#next);
      this.#next = 0;
    }
    return attempt;
  }

  addFollower(ahead: Attempt, follower: Attempt): void {
    ahead.next = follower;
    this.#followers++;
  }

  /** Puts the follower of an attempt that has ended at the front of the line. */
  advanceFollower(ahead: Attempt): void {
    const follower = ahead.next;
    if (!follower) return;
    ahead.next = undefined;
    this.#followers--;
    if (this.#next > 0) this.#items[--this.#next] = follower;
    else this.#items.unshift(follower);
  }

  /** Removes all that follow an attempt, one behind the other. */
  removeFollowers(ahead: Attempt): readonly Attempt[] {
    const removed: Attempt[] = [];
    let last = ahead;
    while (last.next) {
      const follower = last.next;
      last.next = undefined;
      this.#followers--;
      removed.push(follower);
      last = follower;
    }
    return removed;
  }

  /** Removes attempts in line, but not their followers. */
  remove(isRemoved: (attempt: Attempt) => boolean): readonly Attempt[] {
    const waiting = this.#items.slice(this.#next);
    this.#items = waiting.filter((attempt) => !isRemoved(attempt));
    this.#next = 0;
    return waiting.filter(isRemoved);
  }
}
