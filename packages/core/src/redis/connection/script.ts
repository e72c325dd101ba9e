/** One operation of the engine as a Lua script, atomic on the server. Made from `lua/` by `generate-scripts.ts`. */
export interface Script {
  /** The operation, for errors. */
  readonly name: string;
  /** SHA-1 of the text: what `EVALSHA` takes. */
  readonly sha: string;
  readonly text: string;
}
