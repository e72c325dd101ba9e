/** Those who wait for a worker to be at rest. */
export class RestWaiters {
  #waiting: (() => void)[] = [];

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends all waits. */
  resolve(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
