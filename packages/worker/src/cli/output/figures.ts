const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** Milliseconds for people, in at most two units: `350 ms`, `2.4 s`, `3 min 20 s`, `2 h`. */
export function formatDuration(milliseconds: number): string {
  const length = Math.max(0, milliseconds);
  if (length < 1_000) return `${Math.round(length)} ms`;
  if (length < 9_950) return `${Math.round(length / 100) / 10} s`;
  const seconds = Math.round(length / 1_000) * 1_000;
  const index = UNITS.findIndex(([, size]) => seconds >= size);
  const [unit, size] = UNITS[index]!;
  const whole = Math.floor(seconds / size);
  const smaller = UNITS[index + 1];
  const rest = smaller ? Math.floor((seconds % size) / smaller[1]) : 0;
  return smaller && rest > 0 ? `${whole} ${unit} ${rest} ${smaller[0]}` : `${whole} ${unit}`;
}

/** When, as seen from `now`, in one unit: `2 min ago`, `in 3 h`. */
export function formatAgo(at: Date, now = Date.now()): string {
  const age = now - at.getTime();
  const length = Math.abs(age);
  const [unit, size] = UNITS.find(([, each]) => length >= each) ?? [];
  if (unit === undefined) return "now";
  // What was sent a moment ago with a delay of two hours is due in two hours.
  return age < 0 ? `in ${Math.round(length / size)} ${unit}` : `${Math.floor(length / size)} ${unit} ago`;
}

/** An instant to the second, in UTC, as queries take it. */
export function formatInstant(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A share from 0 to 1. */
export function formatShare(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 10 ? Math.max(0.1, Math.round(percent * 10) / 10) : Math.round(percent)} %`;
}

/** Events per second. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond >= 100) return `${formatCount(Math.round(perSecond))}/s`;
  return perSecond < 0.01 ? "<0.01/s" : `${Number(perSecond.toPrecision(2))}/s`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, bytes)) / 10)));
  return `${Number((bytes / 1_024 ** power).toPrecision(3))} ${units[power]}`;
}
