/**
 * Closes everything that was opened, in reverse order, even if some steps fail. Steps added after that run at once, for
 * example when opening was interrupted.
 */
export class Closing {
  readonly #steps: (() => unknown)[] = [];
  #isOver = false;

  add(step: () => unknown): void {
    if (!this.#isOver) this.#steps.push(step);
    // Ignored, because its failure would hide the reason for closing.
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
