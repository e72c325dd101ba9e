/**
 * The engine port: what an engine implements, and what it may use to do so. Apps import `@org/queue`.
 *
 * @module
 */
export type { Logger } from "../logging/logger.ts";
export { type CancelTimer, type Clock, systemClock } from "../timing/clock.ts";
export type {
  AttemptOutcome,
  ClaimedJob,
  ClaimReply,
  ClaimRequest,
  EngineCore,
  EnqueueBatch,
  EnqueuedJob,
  EnqueueOutcome,
  ExtendRequest,
  HandledMessage,
  Heartbeat,
  Lease,
  LeaseReply,
  LeaseStatus,
  RecoverReport,
  RecoverRequest,
  Release,
  SettleReply,
  SettleRequest,
  WaitForWorkRequest,
} from "./core.ts";
export {
  type CompleteEngine,
  ENGINE_FACETS,
  type Engine,
  type EngineFacet,
  type EngineFeatures,
  type SendFeature,
  type SendFeatures,
} from "./engine.ts";
export { MAX_BEAT_ATTEMPTS, WORKER_LIFETIME } from "./engine-limits.ts";
export { createEventFilter } from "./event-filter.ts";
export type {
  EngineEvent,
  EngineEvents,
  EventFilter,
  EventSelector,
  EventSubscriber,
  EventType,
  Unsubscribe,
} from "./events.ts";
export { facetOf } from "./facet.ts";
export {
  type FailureGroupKey,
  type FailureGroupPage,
  type FailureGroupRecord,
  type FailureGroupsRequest,
  type FailureHourRecord,
  FINGERPRINT_PATTERN,
  type ForgetGroupOutcome,
} from "./failure-groups.ts";
export type { Finding } from "./finding.ts";
export type { Damage, EngineMemory, HealthReport } from "./health-report.ts";
export type {
  DependencyEdge,
  DependentEdge,
  EdgesOptions,
  EngineInspect,
  JobCount,
  JobEdges,
  JobPage,
  ListedJobs,
  ListFields,
  ListRequest,
} from "./inspect.ts";
export type {
  AttemptFailure,
  Dependency,
  DependencyFailurePolicy,
  JobKey,
  JobRecord,
  JobSummary,
  LogEntry,
  NewJob,
  RememberedEnding,
  Retention,
  RetentionBound,
  WireEnvelope,
} from "./job.ts";
export type { JobFilter, JobSearch } from "./job-filter.ts";
export type {
  CancelListener,
  CancelOutcome,
  CleanRequest,
  EngineOperate,
  GuardedOutcome,
  PromoteOutcome,
  RemoveOptions,
  RemoveOutcome,
  RetryOutcome,
  StateGuard,
} from "./operate.ts";
export { type EngineQueues, HISTOGRAM_BOUNDS, type MetricsBucket, type QueueCounts } from "./queues.ts";
export {
  canTransition,
  isTerminal,
  JOB_STATES,
  type JobState,
  STATE_MEANINGS,
  TERMINAL_STATES,
  type TerminalState,
  TRANSITIONS,
  type Transition,
} from "./state-machine.ts";
export type {
  BeatAttempt,
  EngineWorkers,
  WaitingMessage,
  WorkerBeat,
  WorkerInfo,
  WorkerRecord,
} from "./workers.ts";
