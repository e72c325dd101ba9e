import type { Engine } from "../../engine/engine.ts";
import type { EngineEvent, Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import type { Service, ServiceHost } from "../../middleware/middleware.ts";
import { readJobError } from "../../queue/read/job-error.ts";
import { Reconciler } from "./reconciler.ts";
import type { StatusStore } from "./store.ts";
import { errorMessageOf, type Tracker, toStep } from "./tracker.ts";
import type { JobWrite } from "./transition.ts";

/** Maximum time that a stopping worker waits for the last writes, in milliseconds. */
const FLUSH_TIMEOUT = 5_000;
/** Delay of writes from events, in milliseconds: attempts in this process report their end a moment after the event. */
const EVENT_DELAY = 100;

export interface TrackingParts {
  readonly tracker: Tracker;
  readonly store: StatusStore;
  readonly interval: number;
  readonly goneAfter: number;
  readonly onError: (error: unknown) => void;
}

/** Runs beside the workers of a process, once per engine. */
export class TrackingService {
  readonly #parts: TrackingParts;
  readonly #running = new Map<Engine, { readonly watch: Promise<EngineWatch>; users: number }>();

  constructor(parts: TrackingParts) {
    this.#parts = parts;
  }

  async start({ engine }: ServiceHost): Promise<Service> {
    const shared = this.#running.get(engine) ?? { watch: watchEngine(engine, this.#parts), users: 0 };
    this.#running.set(engine, shared);
    shared.users++;
    const leave = async () => {
      if (--shared.users > 0) return;
      this.#running.delete(engine);
      await (await shared.watch).stop();
    };
    try {
      await shared.watch;
    } catch (error) {
      if (this.#running.get(engine) === shared) this.#running.delete(engine);
      throw error;
    }
    return {
      stop: async () => {
        await leave();
        await this.#parts.store.writer.flush(FLUSH_TIMEOUT);
      },
    };
  }
}

async function watchEngine(engine: Engine, parts: TrackingParts): Promise<EngineWatch> {
  const watch = new EngineWatch(engine, parts);
  await watch.start();
  return watch;
}

/** Follows transitions that no attempt reports: jobs that end while waiting, stalls, and operator actions. */
class EngineWatch {
  readonly #engine: Engine;
  readonly #parts: TrackingParts;
  readonly #reconciler: Reconciler;
  #pendingWrites: JobWrite[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unsubscribe: Unsubscribe | undefined;

  constructor(engine: Engine, parts: TrackingParts) {
    this.#engine = engine;
    this.#parts = parts;
    this.#reconciler = new Reconciler({ ...parts, engine });
  }

  async start(): Promise<void> {
    this.#unsubscribe = await facetOf(this.#engine, "events").subscribe({
      messages: [this.#parts.tracker.message.name],
      types: ["cancelled", "failed", "requeued"],
      detail: true,
      onEvent: (event) => this.#onEvent(event),
    });
    this.#reconciler.start();
  }

  async stop(): Promise<void> {
    await this.#unsubscribe?.();
    await this.#reconciler.stop();
    this.#flush();
  }

  #onEvent(event: EngineEvent): void {
    const write = toWrite(event);
    if (!write || this.#parts.store.writer.hasSeen(write)) return;
    this.#pendingWrites.push(write);
    this.#timer ??= setTimeout(() => this.#flush(), EVENT_DELAY).unref();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { writer } = this.#parts.store;
    for (const write of this.#pendingWrites.splice(0)) if (!writer.hasSeen(write)) writer.putJob(write);
  }
}

/** The write for an event that attempts don't report, if it is one. */
function toWrite({ type, id, epoch, at, ending }: EngineEvent): JobWrite | undefined {
  const step = { jobId: id, epoch };
  switch (type) {
    case "cancelled":
      return { ...step, ...toStep("CANCELLED", errorMessageOf(ending?.error), new Date(at)) };
    case "failed": {
      // The failed attempt reports all other failures.
      const error = ending?.error === undefined ? undefined : readJobError(ending.error);
      if (error && error.code !== "STALLED") return undefined;
      return { ...step, ...toStep("FAILED", error?.message, new Date(at)) };
    }
    case "queued":
    case "blocked":
      // The sender writes the row of a job that was never claimed.
      return epoch === 0 ? undefined : { ...step, status: "PENDING" };
    default:
      return undefined;
  }
}
