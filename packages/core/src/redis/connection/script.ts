/** One operation of the engine as a Lua script, atomic on the server. `npm run generate` makes it from `lua/`. */
export interface Script {
  /** The name of the operation, for errors. */
  readonly name: string;
  /** SHA-1 of the text, for `EVALSHA`. */
  readonly sha: string;
  readonly text: string;
}
