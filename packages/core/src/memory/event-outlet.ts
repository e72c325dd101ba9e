import { createEventFilter } from "../engine/event-filter.ts";
import type { EngineEvent, EventSubscriber } from "../engine/events.ts";
import { isTerminal } from "../engine/state-machine.ts";
import { CallbackGuard, logFailure } from "../logging/callback-guard.ts";
import { consoleLogger, type Logger } from "../logging/logger.ts";
import type { StoredJob } from "./stored-job.ts";

interface Subscription {
  readonly onEvent: (event: EngineEvent) => void;
  readonly isWanted: (event: EngineEvent) => boolean;
  readonly detail: boolean;
  isEnded: boolean;
}

/** Passes events to subscribers, after the step in which they happened, so that listeners may call the engine. */
export class EventOutlet {
  logger: Logger = consoleLogger;
  /** Those of single jobs are found by their ids: there may be as many as jobs. */
  readonly #byJob = new Map<string, Set<Subscription>>();
  readonly #others = new Set<Subscription>();
  readonly #guard = new CallbackGuard(logFailure("A listener of the memory engine", () => this.logger));
  #unsent: { readonly event: EngineEvent; readonly to: Subscription }[] = [];

  /** Answers the function that removes the subscriber. */
  add(subscriber: EventSubscriber): () => void {
    const { onEvent, detail = false, jobs } = subscriber;
    const isWanted = createEventFilter(subscriber);
    const subscription: Subscription = { onEvent, isWanted, detail, isEnded: false };
    if (!jobs) this.#others.add(subscription);
    for (const { id } of jobs ?? [])
      this.#byJob.set(id, (this.#byJob.get(id) ?? new Set()).add(subscription));
    return () => {
      subscription.isEnded = true;
      this.#others.delete(subscription);
      for (const { id } of jobs ?? []) {
        const subscriptions = this.#byJob.get(id);
        if (subscriptions?.delete(subscription) && subscriptions.size === 0) this.#byJob.delete(id);
      }
    };
  }

  emit(type: EngineEvent["type"], job: StoredJob, at: number): void {
    if (this.#others.size === 0 && !this.#byJob.has(job.id)) return;
    const { id, messageType, epoch } = job;
    const event: EngineEvent = { type, id, queue: job.queue.name, messageType, epoch, at };
    let detailed: EngineEvent | undefined;
    for (const to of [...this.#others, ...(this.#byJob.get(id) ?? [])]) {
      if (!to.isWanted(event)) continue;
      if (this.#unsent.length === 0) queueMicrotask(() => this.#flush());
      if (to.detail) detailed ??= { ...event, ...detailOf(type, job) };
      this.#unsent.push({ event: to.detail ? detailed! : event, to });
    }
  }

  close(): void {
    for (const subscription of [...this.#others, ...[...this.#byJob.values()].flatMap((some) => [...some])])
      subscription.isEnded = true;
    this.#others.clear();
    this.#byJob.clear();
  }

  #flush(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const { event, to } of unsent) if (!to.isEnded) this.#guard.call(to.onEvent, event);
  }
}

function detailOf(
  type: EngineEvent["type"],
  { progress, result, error }: StoredJob,
): Pick<EngineEvent, "progress" | "ending"> {
  if (type === "progress") return progress === undefined ? {} : { progress };
  if (!isTerminal(type)) return {};
  return { ending: { ...(result !== undefined && { result }), ...(error !== undefined && { error }) } };
}
