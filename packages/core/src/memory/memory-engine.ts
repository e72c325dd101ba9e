import * as z from "zod/mini";
import type { Duration } from "../contract/duration.ts";
import { duration, parseOptions } from "../contract/options.ts";
import type { CompleteEngine, EngineFeatures } from "../engine/engine.ts";
import { STEP_POINTS } from "../engine/step-budget.ts";
import { type Logger, safeLogger } from "../logging/logger.ts";
import { type Clock, systemClock } from "../timing/clock.ts";
import { MemoryCore } from "./facets/core.ts";
import { MemoryEvents } from "./facets/events.ts";
import { MemoryInspect } from "./facets/inspect.ts";
import { MemoryOperate } from "./facets/operate.ts";
import { MemoryQueues } from "./facets/queues.ts";
import { MemoryWorkers } from "./facets/workers.ts";
import { MemoryStore } from "./memory-store.ts";

export interface MemoryEngineOptions {
  /** @default the system's clock */
  readonly clock?: Clock | undefined;
  /** How long, and for how many jobs, the ending of a removed job is remembered. */
  readonly tombstones?:
    | {
        /** @default "1d" */
        readonly age?: Duration | undefined;
        /** Many more slow every send down: the table of ids outgrows the processor's caches. @default 20_000 */
        readonly count?: number | undefined;
      }
    | undefined;
}

const DAY = 86_400_000;

const optionsSchema = z.strictObject({
  clock: z._default(z.custom<Clock>(isClock, "expected a clock: now() and after()"), systemClock),
  tombstones: z._default(
    z.strictObject({
      age: z._default(duration(), DAY),
      count: z._default(z.int().check(z.minimum(0), z.maximum(10_000_000)), 20_000),
    }),
    { age: DAY, count: 20_000 },
  ),
});

/**
 * An engine inside this process: nothing to install, nothing kept when the process ends. It is also the
 * executable specification that every other engine is compared with, deterministic under a given clock.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 *
 * @example
 * const queue = createQueue({ registry, engine: memoryEngine() });
 */
export function memoryEngine(options: MemoryEngineOptions = {}): CompleteEngine {
  return new MemoryEngine(parseOptions("memoryEngine", optionsSchema, options));
}

/** Exported for tests, which let a step do less: `stepPoints`. */
export class MemoryEngine implements CompleteEngine {
  readonly name = "memory";
  readonly embedded = true;
  readonly features: EngineFeatures = Object.freeze({
    dependencies: true,
    orderingKeys: true,
    delays: true,
    priorities: true,
    dedupe: true,
    selectiveClaims: true,
  });
  readonly core: MemoryCore;
  readonly inspect: MemoryInspect;
  readonly operate: MemoryOperate;
  readonly events: MemoryEvents;
  readonly queues: MemoryQueues;
  readonly workers: MemoryWorkers;
  readonly #store: MemoryStore;

  constructor({ clock, tombstones }: z.output<typeof optionsSchema>, stepPoints = STEP_POINTS) {
    const store = new MemoryStore(clock, tombstones, stepPoints);
    this.#store = store;
    this.core = new MemoryCore(store);
    this.inspect = new MemoryInspect(store);
    this.operate = new MemoryOperate(store);
    this.events = new MemoryEvents(store);
    this.queues = new MemoryQueues(store);
    this.workers = new MemoryWorkers(store);
  }

  logTo(logger: Logger): void {
    this.#store.events.logger = safeLogger(logger);
  }
}

function isClock(value: unknown): boolean {
  const { now, after } = Object(value) as Partial<Clock>;
  return typeof now === "function" && typeof after === "function";
}
