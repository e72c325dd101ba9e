import type { Logger } from "../logging/logger.ts";
import type { EngineCore } from "./core.ts";
import type { EngineEvents } from "./events.ts";
import type { EngineInspect } from "./inspect.ts";
import type { EngineOperate } from "./operate.ts";
import type { EngineQueues } from "./queues.ts";
import type { EngineWorkers } from "./workers.ts";

/**
 * The engine port: where jobs are stored and scheduled.
 *
 * Everything above it (producer, worker runtime, adapters) uses only this interface, and everything below it (memory,
 * Redis, streams) implements it. Its operations are grouped into facets: `core` is what every engine must do, and an
 * optional facet that is present is the capability for all of its operations.
 *
 * Calls take batches, so that one round trip can do the work of many. Payloads, results, errors and progress are JSON
 * text that an engine never parses. An error begins with its members `code` and `message`: `root-cause.ts` takes the
 * cause of a cascade from there. All other text is well-formed Unicode, which the callers ensure; beyond that it may
 * hold anything. All durations are milliseconds, all instants milliseconds since the epoch on the engine's clock.
 *
 * The conformance suite in `@org/queue/testing` is the specification, one named case per rule.
 */
export interface Engine {
  /** Short name for messages and metrics, for example `"memory"`. */
  readonly name: string;
  readonly features: EngineFeatures;
  /** Whether its jobs live in this process only, and are dropped when it closes. @default false */
  readonly embedded?: boolean;
  readonly core: EngineCore;
  readonly inspect?: EngineInspect;
  readonly operate?: EngineOperate;
  readonly events?: EngineEvents;
  readonly queues?: EngineQueues;
  readonly workers?: EngineWorkers;
  /**
   * Where the engine logs what none of its calls can report, such as a message on a channel that it can't read. The
   * last logger given counts. @default the console
   */
  logTo?(logger: Logger): void;
}

/** What a send may ask of an engine. A send that needs a `false` one is refused with `UnsupportedByEngineError`. */
export interface SendFeatures {
  readonly dependencies: boolean;
  readonly orderingKeys: boolean;
  readonly delays: boolean;
  readonly priorities: boolean;
  readonly dedupe: boolean;
}

export type SendFeature = keyof SendFeatures;

export interface EngineFeatures extends SendFeatures {
  /** Whether a claim hands out only what its worker handles. Where not, workers give back what they can't run. */
  readonly selectiveClaims: boolean;
}

/** The optional facets. */
export const ENGINE_FACETS = Object.freeze(["inspect", "operate", "events", "queues", "workers"] as const);

export type EngineFacet = (typeof ENGINE_FACETS)[number];

/** An engine with every facet, as the memory engine and the redis engine are. */
export type CompleteEngine = Engine & Required<Pick<Engine, EngineFacet>>;
