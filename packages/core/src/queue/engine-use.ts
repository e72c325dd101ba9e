import type { Engine } from "../engine/engine.ts";

interface EngineUse {
  /** Queues that are open. */
  open: number;
  /** Whether a queue said that the engine outlives it. */
  isKept: boolean;
}

/** Of the process, not of this module: a bundler may load the module once per entry. */
const REGISTERED = Symbol.for("@org/queue.engineUses");

function uses(): WeakMap<Engine, EngineUse> {
  const shared = globalThis as { [REGISTERED]?: WeakMap<Engine, EngineUse> };
  shared[REGISTERED] ??= new WeakMap();
  return shared[REGISTERED];
}

/**
 * Counts a queue among those that use an engine. The function that it answers ends the use, and answers whether the
 * engine is to be closed now: it was the last, and no queue said to keep the engine open.
 */
export function useEngine(engine: Engine, closeEngine: boolean): () => boolean {
  const use = uses().get(engine) ?? { open: 0, isKept: false };
  uses().set(engine, use);
  use.open++;
  use.isKept ||= !closeEngine;
  return () => {
    use.open--;
    return use.open === 0 && !use.isKept;
  };
}
