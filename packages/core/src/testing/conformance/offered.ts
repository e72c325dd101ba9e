import { type CompleteEngine, ENGINE_FACETS, type Engine, type SendFeature } from "../../engine/engine.ts";
import type { NewJob } from "../../engine/job.ts";
import { isQueueError } from "../../errors/index.ts";
import { alterEngine } from "../alter-engine.ts";

/** A case uses something that the engine under test doesn't offer. */
class NotOffered extends Error {}

/** The reason to skip a case, if it failed because the engine doesn't offer something. */
export function reasonToSkip(error: unknown): string | undefined {
  if (error instanceof NotOffered || isQueueError(error, "UNSUPPORTED_BY_ENGINE")) return error.message;
  return undefined;
}

/** Whether a job needs a feature. */
const NEEDS: Readonly<Record<SendFeature, (job: NewJob) => boolean>> = {
  dependencies: ({ dependsOn }) => dependsOn.length > 0,
  orderingKeys: ({ ordering }) => ordering !== undefined,
  delays: ({ delay }) => delay > 0,
  priorities: ({ priority }) => priority > 0,
  dedupe: ({ dedupe }) => dedupe !== undefined,
};

/**
 * Wraps an engine so that it has every facet and accepts every job. If a case uses something that the engine doesn't
 * offer, the wrapper throws and the case is skipped with the reason.
 */
export function withWhatIsOffered(engine: Engine): CompleteEngine {
  const missing = (Object.keys(NEEDS) as SendFeature[]).filter((feature) => !engine.features[feature]);
  const facets = ENGINE_FACETS.filter((facet) => !engine[facet]);
  const refuse = (what: string): never => {
    throw new NotOffered(`The ${engine.name} engine doesn't offer ${what}.`);
  };
  const absent = (facet: string) => new Proxy({}, { get: () => refuse(`the facet "${facet}"`) });
  if (missing.length === 0 && facets.length === 0) return engine as CompleteEngine;
  return alterEngine(engine, {
    ...Object.fromEntries(facets.map((facet) => [facet, absent(facet)])),
    core: {
      enqueue: async (batches) => {
        const jobs = batches.flatMap((batch) => batch.jobs);
        const needed = missing.find((feature) => jobs.some(NEEDS[feature]));
        return needed ? refuse(needed) : engine.core.enqueue(batches);
      },
    },
  });
}
