/** First in, first out, in constant amortised time: `Array.shift` copies the whole array when it is long. */
export class Deque<T> implements Iterable<T> {
  #items: T[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head]!;
    // Frees the reference now; the slot itself goes with the next compaction.
    this.#items[this.#head++] = undefined as T;
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) this.#compact();
    return item;
  }

  /** Linear: for operator actions, not for the hot path. */
  remove(item: T): void {
    const index = this.#items.indexOf(item, this.#head);
    if (index >= 0) this.#items.splice(index, 1);
  }

  /** Inserts before the first item that `isAfter` holds for. Linear. */
  insertBefore(item: T, isAfter: (other: T) => boolean): void {
    let index = this.#head;
    while (index < this.#items.length && !isAfter(this.#items[index]!)) index++;
    this.#items.splice(index, 0, item);
  }

  keepOnly(predicate: (item: T) => boolean): void {
    this.#compact();
    this.#items = this.#items.filter(predicate);
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = this.#head; index < this.#items.length; index++) yield this.#items[index]!;
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}
