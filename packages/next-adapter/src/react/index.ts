export type { LiveClientOptions } from "../client/live-client.ts";
export type { ConnectionState } from "../client/live-connection.ts";
export type { TabPorts } from "../client/tab-group.ts";
export { RequestError } from "../client/transport.ts";
export type { PublicHealth } from "../gateway/report-gateway.ts";
export type { JobListInterest, StatusListInterest } from "../protocol/interests.ts";
export type { PublicJob, PublicJobOf } from "../protocol/public-job.ts";
export type { RefusalCode, WireError } from "../protocol/refusals.ts";
export type { Dependency, SentJob } from "../protocol/send-input.ts";
export { createHooks, type TypedHooks } from "./create-hooks.ts";
export { type JobLive, type JobOptions, type JobsLive, type JobsQuery, useJob, useJobs } from "./jobs.ts";
export { QueueProvider, type QueueProviderProps } from "./provider.ts";
export { type HealthLive, type StatsLive, useQueueHealth, useQueueStats } from "./reports.ts";
export {
  type StatusesLive,
  type StatusLive,
  type StatusRow,
  type StatusSubject,
  usePolledStatus,
  useStatus,
  useStatuses,
} from "./statuses.ts";
export type { LiveOptions, LiveResult } from "./use-live.ts";
export { type SendHookOptions, type UseSend, type UseSendOptions, useSend } from "./use-send.ts";
