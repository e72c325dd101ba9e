import type { Message } from "../../contract/message.ts";
import { backoffDelay } from "../../timing/backoff.ts";

/** Milliseconds between the failure of an attempt and the next, by the message's policy. */
export function retryDelay({ type, delay, maxDelay, jitter }: Message["backoff"], attempt: number): number {
  const policy = { first: delay, max: maxDelay, jitter };
  return Math.round(backoffDelay(policy, type === "fixed" ? 1 : attempt));
}
