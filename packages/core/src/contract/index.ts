export {
  DependencyNotFoundError,
  type ErrorCode,
  type Issue,
  isQueueError,
  QueueError,
  RetryAfterError,
  UnrecoverableError,
  UnsupportedByEngineError,
} from "../errors/index.ts";
export { type Duration, parseDuration } from "./duration.ts";
export { type Envelope, parseEnvelope } from "./envelope.ts";
export type { SearchablePath, SensitivePath } from "./field-paths.ts";
export { DEFAULT_LIMITS, type Limits } from "./limits.ts";
export {
  type Backoff,
  defineMessage,
  type HandlerData,
  type HandlerResult,
  type JobProgress,
  type JobResult,
  type Message,
  type MessageDefinition,
  type MessagePart,
  type ReportedProgress,
  type RetainPolicy,
  type RetryPolicy,
  type SendData,
  type SensitivePaths,
} from "./message.ts";
export { createRegistry, type Registry } from "./registry.ts";
export type { Received, Schema, Sent } from "./schema.ts";
