import { UnsupportedByEngineError } from "../errors/queue-error.ts";
import type { Engine, EngineFacet } from "./engine.ts";

const LABELS: Readonly<Record<EngineFacet, string>> = {
  inspect: "reading jobs back",
  operate: "operations on jobs (cancel, retry, remove, promote, clean)",
  events: "events",
  queues: "counts, metrics and pauses of queues",
  workers: "the list of workers",
};

/**
 * A facet that an operation needs.
 *
 * @throws {UnsupportedByEngineError} when the engine doesn't have it.
 */
export function facetOf<Facet extends EngineFacet>(engine: Engine, name: Facet): NonNullable<Engine[Facet]> {
  const facet = engine[name];
  if (facet) return facet;
  throw new UnsupportedByEngineError(engine.name, LABELS[name]);
}
