import type { Registry } from "../contract/registry.ts";
import type { Engine, EngineFacet } from "../engine/engine.ts";
import { facetOf } from "../engine/facet.ts";
import { QueueError } from "../errors/queue-error.ts";
import type { Logger } from "../logging/logger.ts";
import type { Clock } from "../timing/clock.ts";

interface QueueContextParts {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the parts of one queue share, and whether the queue is open. */
export class QueueContext {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly logger: Logger;
  #isClosed = false;

  constructor({ engine, registry, clock, logger }: QueueContextParts) {
    this.engine = engine;
    this.registry = registry;
    this.clock = clock;
    this.logger = logger;
  }

  /** @throws {QueueError} `CLOSED`, or `UNSUPPORTED_BY_ENGINE` when the engine doesn't have the facet. */
  facet<Facet extends EngineFacet>(name: Facet): NonNullable<Engine[Facet]> {
    this.assertOpen();
    return facetOf(this.engine, name);
  }

  /** @throws {QueueError} `CLOSED`. */
  assertOpen(): void {
    if (this.#isClosed) throw new QueueError("CLOSED", "The queue is closed.");
  }

  close(): void {
    this.#isClosed = true;
  }
}
