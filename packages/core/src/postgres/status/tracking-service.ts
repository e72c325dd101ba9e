import type { Engine } from "../../engine/engine.ts";
import type { EngineEvent, Unsubscribe } from "../../engine/events.ts";
import { facetOf } from "../../engine/facet.ts";
import type { Service, ServiceHost } from "../../middleware/middleware.ts";
import { readJobError } from "../../queue/read/job-error.ts";
import { Reconciler } from "./reconciler.ts";
import type { StatusStore } from "./store.ts";
import { errorMessageOf, type Tracker, toStep } from "./tracker.ts";
import type { JobWrite } from "./transition.ts";

/** Longest that a worker's stop waits for the last writes, in milliseconds. */
const FLUSH_TIMEOUT = 5_000;
/** An attempt of this process tells of its end itself, a moment after the engine does. */
const EVENT_DELAY = 100;

export interface TrackingParts {
  readonly tracker: Tracker;
  readonly store: StatusStore;
  readonly interval: number;
  readonly goneAfter: number;
  readonly onError: (error: unknown) => void;
}

/** What runs beside the workers of a process, once an engine however many they are. */
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

/** Hears of what no attempt tells: jobs that end while they wait, stalls, and what operators do. */
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
    if (event.messageType !== this.#parts.tracker.message.name) return;
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

/** What an event says that no attempt may have told, if anything. */
function toWrite({ type, id, epoch, at, ending }: EngineEvent): JobWrite | undefined {
  const step = { jobId: id, epoch };
  switch (type) {
    case "cancelled":
      return { ...step, ...toStep("CANCELLED", errorMessageOf(ending?.error), new Date(at)) };
    case "failed": {
      // All other failures are told by the attempt that failed.
      const error = ending?.error === undefined ? undefined : readJobError(ending.error);
      if (error && error.code !== "STALLED") return undefined;
      return { ...step, ...toStep("FAILED", error?.message, new Date(at)) };
    }
    case "queued":
    case "blocked":
      // A job that was only sent has its row from its sender.
      return epoch === 0 ? undefined : { ...step, status: "PENDING" };
    default:
      return undefined;
  }
}
