import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { monotonic } from "../monotonic.ts";
import type { Line, LineBody } from "./line.ts";

/**
 * The history of one process. `write` returns once the operating system has the line, so that `kill -9` loses nothing
 * that was acknowledged.
 */
export class HistoryFile {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  write(body: LineBody): void {
    writeSync(this.#descriptor, `${JSON.stringify({ at: monotonic(), ...body })}\n`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Skips a last line that was cut short by a kill. Its content was never acknowledged. */
export function readHistory(path: string): readonly Line[] {
  const texts = readFileSync(path, "utf8").split("\n");
  // Empty unless the writer was killed within a line.
  texts.pop();
  return texts.map((text) => JSON.parse(text) as Line);
}
