/** One figure: what was measured, of which system, in which unit. The JSON output is an array of these. */
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
  /** Fewer rounds and jobs, for a rough look. */
  readonly quick: boolean;
  /** Only cases whose names contain one of these. Empty means all. */
  readonly only: readonly string[];
  /** Called with what is being measured. */
  readonly progress: (line: string) => void;
}

/** Whether a figure meets its budget. */
export interface Verdict {
  /** For example: `bulk 1,000: sends at least 5x BullMQ`. */
  readonly promise: string;
  /** For example: `6.1x`. */
  readonly found: string;
  readonly isMet: boolean;
}

/** A suite returns measurements and prints nothing itself. */
export interface Suite {
  readonly name: string;
  readonly describes: string;
  /** Cases that `only` can select. @default none: the suite runs as a whole */
  readonly cases?: readonly string[];
  run(options: SuiteOptions): Promise<readonly Measurement[]>;
  /** Formats the figures for a terminal. @default one line per figure */
  report?(measurements: readonly Measurement[]): string;
  /** Compares the figures with the budgets of the cases that were run. */
  judge?(measurements: readonly Measurement[]): readonly Verdict[];
  /** The documentation page that shows the figures. */
  readonly page?: { readonly file: URL; render(measurements: readonly Measurement[]): string };
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which `share` of all values lie, by nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}
