import type { EngineEvent } from "../engine/events.ts";
import type { Engine, Unsubscribe } from "../engine/port.ts";
import { CallbackGuard } from "../logging/callback-guard.ts";
import type { Logger } from "../logging/logger.ts";

export type EngineListener = (event: EngineEvent) => void;

/** One engine subscription for all of a queue's listeners, held only while there are any. */
export class EventHub {
  readonly #engine: Engine;
  readonly #guard: CallbackGuard;
  readonly #listeners = new Set<EngineListener>();
  #subscription: Promise<Unsubscribe> | undefined;

  constructor(engine: Engine, logger: Logger) {
    this.#engine = engine;
    this.#guard = new CallbackGuard("A listener of the queue", () => logger);
  }

  /** Resolves once the listener hears everything. Rejects, and forgets it, when the engine can't. */
  async add(listener: EngineListener): Promise<void> {
    this.#listeners.add(listener);
    this.#subscription ??= this.#engine.subscribe((event) => this.#tell(event));
    const subscription = this.#subscription;
    try {
      await subscription;
    } catch (error) {
      if (this.#subscription === subscription) this.#subscription = undefined;
      this.#listeners.delete(listener);
      throw error;
    }
  }

  async remove(listener: EngineListener): Promise<void> {
    if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
    await this.close();
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    const subscription = this.#subscription;
    this.#subscription = undefined;
    const unsubscribe = await subscription?.catch(() => undefined);
    await unsubscribe?.();
  }

  #tell(event: EngineEvent): void {
    for (const listener of this.#listeners) {
      this.#guard.call(listener, event);
    }
  }
}
