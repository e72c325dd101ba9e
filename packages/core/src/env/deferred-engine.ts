import type { EngineCore } from "../engine/core.ts";
import type { CompleteEngine, Engine, EngineFacet, EngineFeatures } from "../engine/engine.ts";
import { engineClosed } from "../engine/engine-closed.ts";
import type { EngineEvents } from "../engine/events.ts";
import type { EngineInspect } from "../engine/inspect.ts";
import type { EngineOperate } from "../engine/operate.ts";
import type { EngineQueues } from "../engine/queues.ts";
import type { EngineWorkers } from "../engine/workers.ts";
import { messageOf } from "../errors/thrown.ts";
import type { Logger } from "../logging/logger.ts";
import { deferFacet } from "./deferred-facet.ts";

/** An engine with every facet that is known by name at once, and loaded by the first call. */
export class DeferredEngine implements CompleteEngine {
  readonly name: string;
  readonly embedded = false;
  readonly features: EngineFeatures;
  readonly core: EngineCore;
  readonly inspect: EngineInspect;
  readonly operate: EngineOperate;
  readonly events: EngineEvents;
  readonly queues: EngineQueues;
  readonly workers: EngineWorkers;
  readonly #load: () => Promise<CompleteEngine>;
  #loading: Promise<CompleteEngine> | undefined;
  #logger: Logger | undefined;
  #isClosed = false;

  constructor(name: string, features: EngineFeatures, load: () => Promise<CompleteEngine>) {
    this.name = name;
    this.features = features;
    this.#load = load;
    const facet = async <F extends EngineFacet | "core">(of: F) => (await this.#engine())[of];
    this.core = {
      ...deferFacet("core", () => facet("core")),
      health: async () => {
        try {
          return await (await facet("core")).health();
        } catch (error) {
          return { ok: false, engine: name, latency: 0, problem: messageOf(error) };
        }
      },
      close: () => this.#close(),
    };
    this.inspect = deferFacet("inspect", () => facet("inspect"));
    this.operate = deferFacet("operate", () => facet("operate"));
    this.events = deferFacet("events", () => facet("events"));
    this.queues = deferFacet("queues", () => facet("queues"));
    this.workers = deferFacet("workers", () => facet("workers"));
  }

  logTo(logger: Logger): void {
    this.#logger = logger;
    this.#loading?.then((engine) => engine.logTo?.(logger)).catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    const engine: Engine | undefined = await this.#loading?.catch(() => undefined);
    await engine?.core.close();
  }

  async #engine(): Promise<CompleteEngine> {
    if (this.#loading === undefined) {
      if (this.#isClosed) throw engineClosed(this.name);
      this.#loading = this.#loadWithLogger();
      // What failed once may be there the next time.
      this.#loading.catch(() => {
        this.#loading = undefined;
      });
    }
    return this.#loading;
  }

  async #loadWithLogger(): Promise<CompleteEngine> {
    const engine = await this.#load();
    if (this.#logger) engine.logTo?.(this.#logger);
    return engine;
  }
}
