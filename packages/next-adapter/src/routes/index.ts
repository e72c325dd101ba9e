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
export type { StatusSource } from "../gateway/status-gateway.ts";
export type { ShownPart } from "../jobs/public-job.ts";
export type { PublicJob } from "../protocol/public-job.ts";
export type { RefusalCode, WireError } from "../protocol/refusals.ts";
export { signAccessToken, type TokenClaims, type TokenOptions } from "../tokens/access-token.ts";
export { createQueueRoutes, type QueueRoutes, type QueueRoutesOptions } from "./queue-routes.ts";
