import type { CompleteEngine, Engine, EngineFacet, EngineFeatures } from "../engine/engine.ts";

type FacetName = EngineFacet | "core";

/** What is different: operations of its facets, features, or `null` for a facet that is taken away. */
export type EngineChanges = {
  readonly [Facet in EngineFacet]?: Partial<CompleteEngine[Facet]> | null;
} & {
  readonly core?: Partial<Engine["core"]>;
  readonly features?: Partial<EngineFeatures>;
};

/**
 * An engine that differs from another: for tests of what an app does when calls fail, hang, or aren't offered.
 *
 * @example
 * const offline = alterEngine(engine, { core: { extend: async () => Promise.reject(new Error("offline")) } });
 */
export function alterEngine(engine: Engine, { features, ...facets }: EngineChanges): CompleteEngine {
  const altered = new Map<PropertyKey, unknown>([["features", { ...engine.features, ...features }]]);
  for (const [name, changes] of Object.entries(facets)) {
    const facet = engine[name as FacetName];
    altered.set(name, changes && facet ? alterFacet(facet, changes) : (changes ?? undefined));
  }
  return withMembers(
    engine,
    (name) => altered.has(name),
    (name) => altered.get(name),
  ) as CompleteEngine;
}

function alterFacet<Facet extends object>(facet: Facet, changes: Partial<Facet>): Facet {
  return withMembers(
    facet,
    (name) => name in changes,
    (name) => changes[name as keyof Facet],
  );
}

/** The target with some of its members replaced; all others are called on the target itself. */
function withMembers<Target extends object>(
  target: Target,
  isReplaced: (name: PropertyKey) => boolean,
  replacement: (name: PropertyKey) => unknown,
): Target {
  return new Proxy(target, {
    get(_, name) {
      if (isReplaced(name)) return replacement(name);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
