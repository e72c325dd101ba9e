import type { EngineFeatures } from "../engine/engine.ts";

export const REDIS_FEATURES: EngineFeatures = Object.freeze({
  dependencies: true,
  orderingKeys: true,
  delays: true,
  priorities: true,
  dedupe: true,
  selectiveClaims: true,
});
