export type { Command } from "./command.ts";
export { commandSequence } from "./command-arbitrary.ts";
export { EngineSession } from "./engine-session.ts";
export {
  hasProtoKey,
  hostileOption,
  hostileText,
  hostileValue,
  PROXIES,
  TRAPS,
} from "./hostile-input.ts";
export { firstDifference } from "./lockstep.ts";
export { replayParameters } from "./replay.ts";
export { shortestFailure } from "./shortest-failure.ts";
