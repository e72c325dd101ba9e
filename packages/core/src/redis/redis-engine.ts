import type { CompleteEngine, EngineFeatures } from "../engine/engine.ts";
import type { EngineEvents } from "../engine/events.ts";
import { randomSource } from "../errors/random-source.ts";
import { type Logger, safeLogger } from "../logging/logger.ts";
import { EngineChannel } from "./channels/engine-channel.ts";
import { EventFeed } from "./channels/event-feed.ts";
import { WorkSignal } from "./channels/work-signal.ts";
import type { RedisConnection } from "./connection/connection.ts";
import { RedisCore } from "./facets/core.ts";
import { RedisInspect } from "./facets/inspect.ts";
import { RedisOperate } from "./facets/operate.ts";
import { RedisQueues } from "./facets/queues.ts";
import { RedisWorkers } from "./facets/workers.ts";
import { RedisStore, type TombstoneOptions } from "./redis-store.ts";
import { REDIS_FEATURES } from "./send-features.ts";

export interface RedisEngineParts {
  readonly connection: RedisConnection;
  readonly tombstones: TombstoneOptions;
}

/** The engine on a Redis server: each operation is one script, in `lua/`. */
export class RedisEngine implements CompleteEngine {
  readonly name = "redis";
  readonly features: EngineFeatures = REDIS_FEATURES;
  readonly core: RedisCore;
  readonly inspect: RedisInspect;
  readonly operate: RedisOperate;
  readonly events: EngineEvents;
  readonly queues: RedisQueues;
  readonly workers: RedisWorkers;
  readonly #store: RedisStore;

  constructor({ connection, tombstones }: RedisEngineParts) {
    const name = randomSource().randomUUID().slice(0, 8);
    const store = new RedisStore(connection, tombstones);
    const feed = new EventFeed(store, name);
    const channel = new EngineChannel(connection, `wake:${name}`, {
      onWake: (queue) => waits.wake(queue),
      onGap: () => waits.wakeAll(),
      onCancel: (id, reason) => this.operate.notifyCancelled(id, reason),
      onMalformed: () => store.reportMalformed(`wake:${name}`),
    });
    const waits = new WorkSignal(connection, channel, name);
    this.#store = store;
    this.queues = new RedisQueues(store);
    this.workers = new RedisWorkers(store);
    this.events = feed;
    this.operate = new RedisOperate(store, this.queues, channel);
    this.inspect = new RedisInspect(store, feed);
    this.core = new RedisCore(store, name, waits, feed);
  }

  logTo(logger: Logger): void {
    this.#store.logger = safeLogger(logger);
  }
}
