import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { monotonic } from "../monotonic.ts";
import type { Line, LineBody } from "./line.ts";

/**
 * One process's part of the history. Each line is with the operating system before `write` returns, so that a
 * `kill -9` loses nothing that had been acknowledged.
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

/** A last line that a kill cut short is left out: what it would have told was never acknowledged. */
export function readHistory(path: string): readonly Line[] {
  const texts = readFileSync(path, "utf8").split("\n");
  // Empty, unless the writer was killed inside a line.
  texts.pop();
  return texts.map((text) => JSON.parse(text) as Line);
}
