/** One figure: what was measured, of what, in which unit. The JSON output is an array of these. */
export interface Measurement {
  readonly suite: string;
  readonly case: string;
  readonly system: string;
  readonly metric: string;
  readonly unit: string;
  /** The median over the rounds. */
  readonly value: number;
}

export interface SuiteOptions {
  /** Fewer rounds and jobs: a look, not a figure to quote. */
  readonly quick: boolean;
  /** Only the cases whose names contain one of these. Empty: all. */
  readonly only: readonly string[];
  /** Says what is being measured now. */
  readonly progress: (line: string) => void;
}

/** Whether a figure is as good as was promised. */
export interface Verdict {
  /** For example: `bulk 1,000: sends at least 5x BullMQ`. */
  readonly promise: string;
  /** For example: `6.1x`. */
  readonly found: string;
  readonly isMet: boolean;
}

/** A suite measures and answers; it prints nothing itself. */
export interface Suite {
  readonly name: string;
  readonly describes: string;
  /** What `only` may name. @default none: the suite runs as a whole */
  readonly cases?: readonly string[];
  run(options: SuiteOptions): Promise<readonly Measurement[]>;
  /** The figures for a terminal. @default a line a figure */
  report?(measurements: readonly Measurement[]): string;
  /** Holds the figures against the budgets. Those of cases that weren't run are left out. */
  judge?(measurements: readonly Measurement[]): readonly Verdict[];
  /** The documentation page that shows the figures. */
  readonly page?: { readonly file: URL; render(measurements: readonly Measurement[]): string };
}

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which `share` of all values are, by the nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
