export { alterEngine, type EngineChanges } from "./alter-engine.ts";
export {
  type ConformanceCase,
  type ConformanceRunner,
  conformanceCases,
  type DescribeEngineOptions,
  describeEngine,
  type EngineUnderTest,
  engineCases,
  runtimeCases,
  type SkippableTest,
} from "./conformance/index.ts";
export { createTestQueue, type TestQueue, type TestQueueOptions } from "./create-test-queue.ts";
export type { DrainOptions } from "./drain.ts";
export { FakeClock } from "./fake-clock.ts";
export type {
  Claimed,
  HistoryEntry,
  Observed,
  Operated,
  Operating,
  Operation,
  Sending,
  Sent,
  Settled,
  Snapshot,
} from "./invariants/history.ts";
export { HistoryChecker, mergeHistories, type Violation } from "./invariants/index.ts";
export type { TestTransaction } from "./test-outbox.ts";
export { type WaitForOptions, waitFor } from "./wait-for.ts";
