export { type MemoryEngineOptions, memoryEngine } from "./memory-engine.ts";
