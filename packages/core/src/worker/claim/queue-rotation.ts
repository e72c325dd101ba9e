/** The order of the queues for each claim: it starts with the next queue each time, so that a busy one can't starve the rest. */
export class QueueRotation {
  readonly #orders: readonly (readonly string[])[];
  #index = 0;

  constructor(queues: readonly string[]) {
    this.#orders = queues.map((_, start) =>
      Object.freeze([...queues.slice(start), ...queues.slice(0, start)]),
    );
  }

  next(): readonly string[] {
    this.#index = (this.#index + 1) % this.#orders.length;
    return this.#orders[this.#index]!;
  }
}
