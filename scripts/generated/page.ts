/** A file generated from others. */
export interface Page {
  /** Path from the root. */
  readonly path: string;
  /** The file or folder that it is generated from. */
  readonly source: string;
  render(): string;
}
