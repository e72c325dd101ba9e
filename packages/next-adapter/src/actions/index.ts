export type {
  Access,
  Authorize,
  Grant,
  JobListFilter,
  JobSubject,
  SendAccess,
  StatusSubject,
} from "../access/authorize.ts";
export type { GatewayOptions, SendBounds } from "../gateway/gateway-options.ts";
export type { ShownPart } from "../jobs/public-job.ts";
export type { PublicJob } from "../protocol/public-job.ts";
export type { RefusalCode, WireError } from "../protocol/refusals.ts";
export type { Dependency, SentJob } from "../protocol/send-input.ts";
export type { ActionResult } from "./action-result.ts";
export {
  type ActionSendOptions,
  createQueueActions,
  type FormAction,
  type MessageEnvelope,
  type QueueActions,
  type SenderAction,
} from "./queue-actions.ts";
export type { QueueStatsData } from "./queue-stats.ts";
