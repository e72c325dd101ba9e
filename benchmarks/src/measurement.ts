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
  /** Says what is being measured now. */
  readonly progress: (line: string) => void;
}

/** A suite measures and answers; it prints nothing itself. */
export interface Suite {
  readonly name: string;
  readonly describes: string;
  run(options: SuiteOptions): Promise<readonly Measurement[]>;
}

/** The middle value; of an even number, the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
