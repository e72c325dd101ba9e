import type { Interest } from "../protocol/interests.ts";

/** The same for interests that are written differently but mean the same. */
export function interestKey(interest: Interest): string {
  return JSON.stringify(interest, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
