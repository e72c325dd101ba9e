import type { SendData, SendOptions } from "@org/queue";
import type { step } from "../messages.ts";
import type { Random } from "../random.ts";
import type { ProducerConfig } from "./protocol.ts";

/** One job to send. */
export interface SendSpec {
  readonly data: SendData<typeof step>;
  readonly options: SendOptions & { readonly id: string };
}

/** The next job of a lane. `earlier` are acknowledged jobs. */
export function nextSpec(
  { mix, padding }: ProducerConfig,
  random: Random,
  id: string,
  lane: string,
  earlier: readonly string[],
): SendSpec {
  const filler = padding === undefined ? {} : { padding: "x".repeat(padding) };
  if (mix === "plain") return { data: { work: "return", ...filler }, options: { id } };
  const roll = random.next();
  if (roll < 0.1) return { data: { work: "return", failures: 1, ...filler }, options: { id } };
  if (roll < 0.15) return { data: { work: "fail", ...filler }, options: { id, attempts: 1 } };
  if (roll < 0.35) {
    return { data: { work: "return", key: `${lane}-${random.between(0, 1)}`, ...filler }, options: { id } };
  }
  if (roll < 0.55 && earlier.length > 0) {
    const onFailure = random.pick(["cancel", "run"] as const);
    const chosen = new Set(Array.from({ length: random.between(1, 3) }, () => random.pick(earlier)));
    const dependsOn = [...chosen].map((job) => ({ job, onFailure }));
    return { data: { work: "return", ...filler }, options: { id, dependsOn } };
  }
  if (roll < 0.65) {
    return { data: { work: "return", ...filler }, options: { id, delay: random.between(1, 200) } };
  }
  return { data: { work: "sleep", milliseconds: random.between(0, 10), ...filler }, options: { id } };
}
