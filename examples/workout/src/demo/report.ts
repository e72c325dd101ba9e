import { isDeepStrictEqual, styleText } from "node:util";
import { SetupError } from "../setup-error.ts";

type Style = Parameters<typeof styleText>[0];

/** Why the demo stops, in words that no stack adds to. */
export class StopReason extends Error {
  override readonly name = "StopReason";
}

/** Prints what happens and keeps count of what is not as it should be. Colours only on a terminal. */
export class Report {
  readonly #out: NodeJS.WriteStream;
  readonly #off: string[] = [];
  #checks = 0;
  #hasOpenLine = false;
  #isStopped = false;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** What was expected and didn't come true. */
  get off(): readonly string[] {
    return this.#off;
  }

  get checks(): number {
    return this.#checks;
  }

  scene(title: string): void {
    if (this.#isStopped) return;
    this.#line(`\n${this.#paint("bold", title)}`);
  }

  say(text: string): void {
    if (this.#isStopped) return;
    this.#line(`  ${text}`);
  }

  /** Also said when something has stopped the demo. */
  note(text: string): void {
    this.#line(`  ${text}`);
  }

  /** A line that somebody else printed. */
  quote(speaker: string, line: string): void {
    this.#line(`  ${this.#paint("dim", `[${speaker}]`)} ${line}`);
  }

  /** Lines of a table, as they are. */
  table(lines: readonly string[]): void {
    for (const line of lines) this.#line(`  ${line}`);
  }

  /** On a terminal the line is overwritten until it is complete; elsewhere only the complete one is printed. */
  progress(label: string, done: number, of: number): void {
    if (this.#isStopped) return;
    const filled = of === 0 ? 20 : Math.round((20 * done) / of);
    const text = `  ${label} ${"█".repeat(filled)}${"░".repeat(20 - filled)} ${done}/${of}`;
    if (this.#out.isTTY) {
      this.#out.write(`\r${text}`);
      this.#hasOpenLine = true;
      if (done < of) return;
      this.#out.write("\n");
      this.#hasOpenLine = false;
    } else if (done === of) this.#line(text);
  }

  /** Passes when the values are deeply equal. */
  expect(what: string, actual: unknown, expected: unknown): void {
    if (this.#isStopped) return;
    this.#checks++;
    if (isDeepStrictEqual(actual, expected)) {
      this.#line(`  ${this.#paint("green", "✓")} ${what}`);
      return;
    }
    const difference = `${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`;
    this.#off.push(difference);
    this.#line(`  ${this.#paint("red", "✗")} ${difference}`);
  }

  /**
   * Something that stops the demo: scenes that still run, and fail as all is closed, are no longer heard. A stack
   * is shown only when it helps.
   */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const isPlain = [SetupError, StopReason].some((plain) => error instanceof plain);
    const text = isPlain || !(error instanceof Error) ? message : (error.stack ?? message);
    this.#off.push(message);
    this.#line(`  ${this.#paint("red", "✗")} ${text}`);
    this.#isStopped = true;
  }

  /** The last line, for programs. */
  end(summary: Readonly<Record<string, unknown>>): void {
    this.#line("");
    this.#line(
      JSON.stringify({ ok: this.#off.length === 0, ...summary, checks: this.#checks, off: this.#off }),
    );
  }

  #line(text: string): void {
    if (this.#hasOpenLine) this.#out.write("\n");
    this.#hasOpenLine = false;
    this.#out.write(`${text}\n`);
  }

  #paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }
}
