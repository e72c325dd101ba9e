import type { Message } from "../../contract/message.ts";

/** Milliseconds between the failure of an attempt and the next, by the message's policy. */
export function backoffDelay(
  { type, delay, maxDelay, jitter }: Message["backoff"],
  attempt: number,
  random: () => number = Math.random,
): number {
  const grown = type === "fixed" ? delay : delay * 2 ** (attempt - 1);
  const pause = Math.min(grown, maxDelay);
  return Math.round(pause * (1 - jitter * random()));
}
