/** A page of `docs/` that is written from the code. */
export interface Page {
  /** From the root. */
  readonly path: string;
  /** The file it's written from. */
  readonly source: string;
  render(): string;
}
