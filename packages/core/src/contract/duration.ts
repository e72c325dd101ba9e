/**
 * Milliseconds as a number, or a number with a unit: `"500ms"`, `"2s"`, `"15m"`, `"1h"`, `"7d"`.
 */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest duration any option takes: ten years. */
export const MAX_DURATION = 10 * 365 * 86_400_000;

/** Whole milliseconds from 0 to ten years, or `undefined` when the value isn't a duration. */
export function parseDuration(value: unknown): number | undefined {
  const milliseconds = typeof value === "string" ? parseText(value) : value;
  if (typeof milliseconds !== "number" || !(milliseconds >= 0) || milliseconds > MAX_DURATION)
    return undefined;
  return Math.round(milliseconds);
}

/** In the largest unit that divides it evenly: `"30 s"`, `"90 min"`, `"250 ms"`. */
export function formatDuration(milliseconds: number): string {
  const isWhole = (size: number) => milliseconds >= size && milliseconds % size === 0;
  const [unit, size] = Object.entries(UNITS).findLast(([, each]) => isWhole(each)) ?? ["ms", 1];
  return `${milliseconds / size} ${unit === "m" ? "min" : unit}`;
}

function parseText(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]!]! : undefined;
}
