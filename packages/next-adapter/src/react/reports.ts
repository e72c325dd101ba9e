import type { Stats, WireForm } from "@org/queue";
import type { PublicHealth } from "../gateway/report-gateway.ts";
import type { Interest } from "../protocol/interests.ts";
import { type LiveOptions, type LiveResult, useLive } from "./use-live.ts";

export interface StatsLive extends LiveResult {
  /** `undefined` until it is known. */
  readonly data: WireForm<Stats> | undefined;
}

export interface HealthLive extends LiveResult {
  /** `undefined` until it is known. */
  readonly data: PublicHealth | undefined;
}

const STATS: Interest = { kind: "stats" };
const HEALTH: Interest = { kind: "health" };

/** Jobs by queue and state, and what happened in the last five minutes, every two seconds. */
export function useQueueStats(options: LiveOptions<WireForm<Stats>> = {}): StatsLive {
  const { value: data, ...rest } = useLive(
    [STATS],
    options,
    (store) => store.peek(STATS).value as WireForm<Stats>,
  );
  return { data, ...rest };
}

/** Whether all is well, and what to do if not, every five seconds. */
export function useQueueHealth(options: LiveOptions<PublicHealth> = {}): HealthLive {
  const { value: data, ...rest } = useLive(
    [HEALTH],
    options,
    (store) => store.peek(HEALTH).value as PublicHealth,
  );
  return { data, ...rest };
}
