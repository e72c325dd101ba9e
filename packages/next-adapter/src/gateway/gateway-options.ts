import { type Duration, type Logger, type Message, parseDuration, type Queue, QueueError } from "@org/queue";
import type { Authorize } from "../access/authorize.ts";
import type { ShownPart } from "../jobs/public-job.ts";

/** Bounds of what clients may ask of a send. */
export interface SendBounds {
  /** @default "7d" */
  readonly maxDelay?: Duration | undefined;
  /** Attempts in all; a message's own number is always allowed. @default 10 */
  readonly maxAttempts?: number | undefined;
  /** Jobs of one call. @default 100 */
  readonly maxJobs?: number | undefined;
}

/** What server actions and routes have in common. */
export interface GatewayOptions<M extends Message = Message> {
  readonly queue: Queue<M>;
  /** Required: decides about each access of a client. */
  readonly authorize: Authorize<M>;
  /** Which parts of jobs clients see besides state, progress and result. `sensitive` values never. @default none */
  readonly show?: readonly ShownPart[] | undefined;
  readonly bounds?: SendBounds | undefined;
  /** Where failures are logged that clients see only as `INTERNAL_ERROR`. @default console */
  readonly logger?: Logger | undefined;
}

export interface ResolvedBounds {
  /** Milliseconds. */
  readonly maxDelay: number;
  readonly maxAttempts: number;
  readonly maxJobs: number;
}

const DEFAULT_BOUNDS = { maxDelay: "7d", maxAttempts: 10, maxJobs: 100 } as const;

/** @throws {QueueError} `INVALID_OPTIONS`. */
export function resolveBounds(what: string, bounds: SendBounds = {}): ResolvedBounds {
  const { maxDelay, maxAttempts, maxJobs } = { ...DEFAULT_BOUNDS, ...bounds };
  const delay = typeof maxDelay === "number" ? maxDelay : parseDuration(String(maxDelay));
  if (delay === undefined || !(delay >= 0)) {
    throw new QueueError("INVALID_OPTIONS", `${what}: bounds.maxDelay must be a duration such as "7d".`);
  }
  for (const [name, value] of Object.entries({ maxAttempts, maxJobs })) {
    if (Number.isInteger(value) && Number(value) > 0) continue;
    throw new QueueError("INVALID_OPTIONS", `${what}: bounds.${name} must be a whole number from 1 on.`);
  }
  return { maxDelay: delay, maxAttempts: Number(maxAttempts), maxJobs: Number(maxJobs) };
}
