import { createHash } from "node:crypto";

/**
 * The id of a part of a plan, derived from its position: 128 bits in hexadecimal. The same sheet always gives the same
 * ids, so a second import updates the rows instead of adding them again.
 */
export function stableId(planId: string, ...place: readonly (string | number)[]): string {
  const digest = createHash("sha256").update(JSON.stringify([planId, ...place]));
  return digest.digest("hex").slice(0, 32);
}
