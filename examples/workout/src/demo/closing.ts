/**
 * What is open, closed in reverse. All of it is, also when some of it can't be; and what is opened after that is
 * closed at once, as when opening was interrupted.
 */
export class Closing {
  readonly #steps: (() => unknown)[] = [];
  #isOver = false;

  add(step: () => unknown): void {
    if (!this.#isOver) this.#steps.push(step);
    // Its failure would hide why all was closed.
    else new Promise((resolve) => resolve(step())).catch(() => undefined);
  }

  async run(): Promise<void> {
    this.#isOver = true;
    const failures: unknown[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
