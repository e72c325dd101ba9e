import type { CompleteEngine, EngineFacet } from "../engine/engine.ts";

type FacetName = EngineFacet | "core";

/** Every operation of every facet; one that is missing here, or too many, is a compile error. */
const OPERATIONS: {
  readonly [F in FacetName]: { readonly [Operation in keyof Required<CompleteEngine[F]>]: true };
} = {
  core: {
    enqueue: true,
    claim: true,
    settle: true,
    extend: true,
    release: true,
    recover: true,
    waitForWork: true,
    health: true,
    diagnose: true,
    close: true,
  },
  inspect: {
    get: true,
    getSummaries: true,
    remembered: true,
    list: true,
    count: true,
    edges: true,
    failureGroups: true,
  },
  operate: {
    cancel: true,
    retry: true,
    remove: true,
    promote: true,
    clean: true,
    forgetFailureGroups: true,
    onCancelRequest: true,
  },
  events: { subscribe: true },
  workers: { register: true, unregister: true, list: true, waiting: true },
  queues: { counts: true, metrics: true, pause: true, resume: true, forget: true },
};

type Operation = (...args: readonly unknown[]) => Promise<unknown>;

/** A facet whose operations load the real one first. An optional operation that it doesn't have does nothing. */
export function deferFacet<F extends FacetName>(
  name: F,
  load: () => Promise<CompleteEngine[F]>,
): CompleteEngine[F] {
  const facet: Record<string, Operation> = {};
  for (const operation of Object.keys(OPERATIONS[name])) {
    facet[operation] = async (...args) => {
      const loaded = (await load()) as unknown as Partial<Record<string, Operation>>;
      return loaded[operation]?.(...args);
    };
  }
  return facet as unknown as CompleteEngine[F];
}
