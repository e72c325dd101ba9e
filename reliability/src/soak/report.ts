import type { Trend } from "./samples.ts";
import type { SoakResult } from "./soak.ts";

const MAX_PROBLEMS = 20;

export function hasPassed({ problems, trends }: SoakResult): boolean {
  return problems.length === 0 && trends.every(({ isFlat }) => isFlat !== false);
}

/** The result as Markdown, for a terminal and for docs/reliability.md. */
export function formatSoak(result: SoakResult): string {
  const { jobs, ledgers, faults, trends } = result;
  const count = (value: number) => value.toLocaleString("en");
  const rows: readonly (readonly [string, string])[] = [
    ["seed", `${result.seed}`],
    ["time", `${result.seconds} s, of which ${result.drainSeconds} s to drain after the last fault`],
    ["jobs sent", count(jobs.sent)],
    ["acknowledged", count(jobs.acknowledged)],
    ["completed, failed, cancelled", [jobs.completed, jobs.failed, jobs.cancelled].map(count).join(", ")],
    ["ended, reply lost", count(jobs.unconfirmed)],
    ["claims", count(ledgers.claims)],
    ["jobs claimed more than once", count(result.reclaimed)],
    ["outcomes accepted, refused as stale", `${count(ledgers.accepted)}, ${count(ledgers.stale)}`],
    ...Object.entries(faults)
      .toSorted()
      .map(([name, times]) => [`fault: ${name}`, `${times}`] as const),
    ...trends.map((trend) => [trend.what, describe(trend)] as const),
    ["broken promises", count(result.problems.length)],
  ];
  const table = rows.map(([what, value]) => `| ${what} | ${value} |`);
  const problems = result.problems.slice(0, MAX_PROBLEMS).map((problem) => `- ${problem}`);
  return `${["| | |", "|---|---|", ...table, "", ...problems].join("\n")}\n`;
}

function describe({ minima, isFlat }: Trend): string {
  const verdict = isFlat === undefined ? "too short to judge" : isFlat ? "flat" : "GROWING";
  return `minima of the four quarters ${minima.join(", ")} MB: ${verdict}`;
}
