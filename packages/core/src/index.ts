export {
  type Backoff,
  createRegistry,
  DEFAULT_LIMITS,
  DependencyNotFoundError,
  type Duration,
  defineMessage,
  type Envelope,
  type ErrorCode,
  type HandlerData,
  type HandlerResult,
  type Issue,
  isQueueError,
  type JobProgress,
  type JobResult,
  type Limits,
  type Message,
  type MessageDefinition,
  type MessagePart,
  parseDuration,
  parseEnvelope,
  QueueError,
  type Received,
  type Registry,
  type ReportedProgress,
  type RetainPolicy,
  RetryAfterError,
  type RetryPolicy,
  type Schema,
  type SearchablePath,
  type SendData,
  type SensitivePath,
  type SensitivePaths,
  type Sent,
  UnrecoverableError,
  UnsupportedByEngineError,
} from "./contract/index.ts";
export { REDACTED, redact } from "./contract/redaction.ts";
export type { HandledMessage } from "./engine/core.ts";
export type { Engine, SendFeatures } from "./engine/engine.ts";
export type { Unsubscribe } from "./engine/events.ts";
export type { Finding } from "./engine/finding.ts";
export type { Damage } from "./engine/health-report.ts";
export type { JobCount } from "./engine/inspect.ts";
export type { DependencyFailurePolicy } from "./engine/job.ts";
export type { CancelOutcome, PromoteOutcome, RemoveOutcome, RetryOutcome } from "./engine/operate.ts";
export { HISTOGRAM_BOUNDS } from "./engine/queues.ts";
export {
  isTerminal,
  JOB_STATES,
  type JobState,
  STATE_MEANINGS,
  TERMINAL_STATES,
  type TerminalState,
} from "./engine/state-machine.ts";
export { type EngineFromEnvOptions, engineFromEnv } from "./env/engine-from-env.ts";
export { ERROR_CODES, type ErrorCodeEntry } from "./errors/codes.ts";
export { type PublicError, publicError } from "./errors/public-error.ts";
export type { Logger } from "./logging/logger.ts";
export { type MemoryEngineOptions, memoryEngine } from "./memory/index.ts";
export type {
  AttemptInfo,
  DependencyOutcome,
  DependencyResults,
  Handler,
  HandlerContext,
  Handlers,
} from "./middleware/handler-context.ts";
export type {
  Middleware,
  RunNext,
  SendNext,
  Service,
  ServiceHost,
  SettledAttempt,
} from "./middleware/middleware.ts";
export type { JobEvent } from "./queue/events/job-events.ts";
export type { JobReference } from "./queue/job-reference.ts";
export type { BulkStep } from "./queue/operate/bulk-operations.ts";
export type { BulkCancelOptions, BulkOptions, BulkRemoveOptions } from "./queue/operate/bulk-options.ts";
export type { JobOutcome } from "./queue/operate/operations.ts";
export { formatJobQuery } from "./queue/query/format-query.ts";
export { type JobQuery, type ParseJobQueryOptions, parseJobQuery } from "./queue/query/parse-query.ts";
export { JOB_QUERY_QUALIFIERS, type JobQueryQualifier } from "./queue/query/qualifiers.ts";
export { JobQueryError } from "./queue/query/query-error.ts";
export { resolveJobQuery } from "./queue/query/resolve-query.ts";
export { createQueue, type Queue } from "./queue/queue.ts";
export type {
  CancelOptions,
  CleanOptions,
  DrainOptions,
  ListOptions,
  MetricsOptions,
  ObliterateOptions,
  QueueOptions,
  RemoveJobOptions,
  StatsOptions,
  SubscribeOptions,
  SummaryListOptions,
} from "./queue/queue-options.ts";
export type { JobExplanation, StateReason } from "./queue/read/explain.ts";
export type {
  FailureGroup,
  FailureGroupList,
  FailureGroupsOptions,
  FailureHour,
} from "./queue/read/failure-groups.ts";
export type { JobError, RootCause } from "./queue/read/job-error.ts";
export type { JobFilterOptions, MessageChoice, SearchOptions } from "./queue/read/job-filter.ts";
export type { GraphEdge, GraphNode, GraphOptions, JobGraph } from "./queue/read/job-graph.ts";
export type { JobList, JobSummaryList } from "./queue/read/job-reader.ts";
export type { FailedAttempt, JobLog, JobSnapshot, MessageSnapshot } from "./queue/read/job-snapshot.ts";
export type { JobSummarySnapshot } from "./queue/read/job-summary.ts";
export type { WaitOptions } from "./queue/read/job-waits.ts";
export {
  fromWire,
  type Report,
  reportFromWire,
  type ToWireOptions,
  toWire,
  type WireForm,
  type WireSnapshot,
} from "./queue/read/wire-snapshot.ts";
export type { MessageCoverage } from "./queue/report/coverage.ts";
export {
  type EngineHealth,
  HEALTH_THRESHOLDS,
  type HealthReason,
  type HealthStatus,
  type QueueHealth,
} from "./queue/report/health.ts";
export type { QueueMetrics } from "./queue/report/metrics.ts";
export {
  type Activity,
  type MessageStats,
  type QueueStats,
  RECENT_MINUTES,
  type StateCounts,
  type Stats,
} from "./queue/report/stats.ts";
export type { WorkerAttempt, WorkerSnapshot } from "./queue/report/workers.ts";
export type { JobHandle } from "./queue/send/job-handle.ts";
export type { Outbox, OutboxBacklog } from "./queue/send/outbox.ts";
export type { SearchValue } from "./queue/send/search-values.ts";
export type { SendItem } from "./queue/send/send-many.ts";
export type {
  DependsOn,
  DependsOnRef,
  ParseWireOptions,
  SendManyCallOptions,
  SendManyOptions,
  SendOptions,
  SendWireOptions,
} from "./queue/send/send-options.ts";
export type { SendRequest } from "./queue/send/send-request.ts";
export { type CancelTimer, type Clock, systemClock } from "./timing/clock.ts";
export { createWorker, type Worker, type WorkerState, type WorkerStats } from "./worker/worker.ts";
export type { StopOptions, StopReport, WorkerOptions } from "./worker/worker-options.ts";
