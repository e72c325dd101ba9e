import { createHash } from "node:crypto";

/**
 * The id of a plan's part, derived from its place: 128 bits in hexadecimal. Reading the same sheet again gives the
 * same ids, so a second import changes the rows that are there instead of adding them again.
 */
export function stableId(planId: string, ...place: readonly (string | number)[]): string {
  const digest = createHash("sha256").update(JSON.stringify([planId, ...place]));
  return digest.digest("hex").slice(0, 32);
}
