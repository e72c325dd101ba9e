import type { EngineEvent, EventSubscriber } from "../engine/events.ts";
import { isTerminal } from "../engine/state-machine.ts";
import { CallbackGuard, logFailure } from "../logging/callback-guard.ts";
import { consoleLogger, type Logger } from "../logging/logger.ts";
import type { StoredJob } from "./stored-job.ts";

/** Passes events to subscribers, after the step in which they happened, so that listeners may call the engine. */
export class EventOutlet {
  logger: Logger = consoleLogger;
  readonly #subscribers = new Set<EventSubscriber>();
  readonly #guard = new CallbackGuard(logFailure("A listener of the memory engine", () => this.logger));
  #unsent: EngineEvent[] = [];

  /** Answers the function that removes the subscriber. */
  add(subscriber: EventSubscriber): () => void {
    const entry = { ...subscriber };
    this.#subscribers.add(entry);
    return () => void this.#subscribers.delete(entry);
  }

  emit(type: EngineEvent["type"], job: StoredJob, at: number): void {
    if (this.#subscribers.size === 0) return;
    if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
    const { id, messageType, epoch, result, error } = job;
    const event: EngineEvent = { type, id, queue: job.queue.name, messageType, epoch, at };
    if (type === "progress" || !isTerminal(type)) this.#unsent.push(event);
    else {
      const ending = { ...(result !== undefined && { result }), ...(error !== undefined && { error }) };
      this.#unsent.push({ ...event, ending });
    }
  }

  close(): void {
    this.#subscribers.clear();
  }

  #flush(): void {
    const events = this.#unsent;
    this.#unsent = [];
    for (const event of events) for (const { onEvent } of this.#subscribers) this.#guard.call(onEvent, event);
  }
}
