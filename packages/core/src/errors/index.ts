export type { ErrorCode } from "./codes.ts";
export {
  DependencyNotFoundError,
  type Issue,
  isQueueError,
  QueueError,
  RetryAfterError,
  UnrecoverableError,
  UnsupportedByEngineError,
} from "./queue-error.ts";
