/** The result of one check of a server: what was found, and what to do if it isn't as it should be. */
export interface Finding {
  /** What was looked at, in a word or two: `"version"`. */
  readonly check: string;
  /** `skipped`: it couldn't be looked at, for example because the user lacks the right. */
  readonly status: "ok" | "warning" | "problem" | "skipped";
  /** One sentence or more. */
  readonly text: string;
  /** What to do. Absent where nothing needs to be done, or the text says it. */
  readonly remedy?: string;
}
