import type { SendFeatures } from "../engine/engine.ts";

export const REDIS_FEATURES: SendFeatures = Object.freeze({
  dependencies: true,
  orderingKeys: true,
  delays: true,
  priorities: true,
  dedupe: true,
});
