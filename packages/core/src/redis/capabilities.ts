import type { EngineCapabilities } from "../engine/port.ts";

export const REDIS_CAPABILITIES: EngineCapabilities = Object.freeze({
  dependencies: true,
  orderingKeys: true,
  delays: true,
  priorities: true,
  dedupe: true,
  inspection: true,
  cancellation: true,
});
