import { createHash } from "node:crypto";

/**
 * The id of a plan's part, derived from its place (UUID version 5). Reading the same sheet again gives the
 * same ids, so a second import changes the rows that are there instead of adding them again.
 */
export function stableId(planId: string, ...place: readonly (string | number)[]): string {
  const namespace = Buffer.from(planId.replaceAll("-", ""), "hex");
  const digest = createHash("sha1").update(namespace).update(JSON.stringify(place)).digest();
  digest[6] = (digest[6]! & 0x0f) | 0x50;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}
