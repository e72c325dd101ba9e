/** A file that is written from others. */
export interface Page {
  /** From the root. */
  readonly path: string;
  /** The file or folder it's written from. */
  readonly source: string;
  render(): string;
}
