/** Attempts of a message that are remembered. */
const REMEMBERED = 100;
/** Attempts of a message before its usual time is known. */
const ENOUGH = 20;
/** Messages that are remembered: names come from the registry, and this bounds what a generated one may cost. */
const MAX_MESSAGES = 1_000;

/** How long attempts of each message usually take: the longest of the last hundred. */
export class UsualTimes {
  readonly #byMessage = new Map<string, { readonly times: number[]; next: number }>();

  add(message: string, milliseconds: number): void {
    let known = this.#byMessage.get(message);
    if (!known) {
      if (this.#byMessage.size >= MAX_MESSAGES) return;
      known = { times: [], next: 0 };
      this.#byMessage.set(message, known);
    }
    known.times[known.next] = milliseconds;
    known.next = (known.next + 1) % REMEMBERED;
  }

  /** In milliseconds; `undefined` until enough attempts have ended. */
  of(message: string): number | undefined {
    const times = this.#byMessage.get(message)?.times ?? [];
    return times.length < ENOUGH ? undefined : Math.max(...times);
  }
}
