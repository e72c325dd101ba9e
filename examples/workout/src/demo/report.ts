import { isDeepStrictEqual, styleText } from "node:util";
import { SetupError } from "../setup-error.ts";

type Style = Parameters<typeof styleText>[0];

/** A reason to stop the demo, reported without a stack. */
export class StopReason extends Error {
  override readonly name = "StopReason";
}

/** Prints what happens, and collects failed checks. Colours only on a terminal. */
export class Report {
  readonly #out: NodeJS.WriteStream;
  readonly #failures: string[] = [];
  #checks = 0;
  #hasOpenLine = false;
  #isStopped = false;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
  }

  /** Failed checks and errors. */
  get failures(): readonly string[] {
    return this.#failures;
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

  /** Also printed after the demo was stopped. */
  note(text: string): void {
    this.#line(`  ${text}`);
  }

  /** A line that another process printed. */
  quote(speaker: string, line: string): void {
    this.#line(`  ${this.#paint("dim", `[${speaker}]`)} ${line}`);
  }

  /** Lines of a table, unchanged. */
  table(lines: readonly string[]): void {
    for (const line of lines) this.#line(`  ${line}`);
  }

  /** On a terminal, updates one line until it is complete. Elsewhere, prints only the complete line. */
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
    this.#failures.push(difference);
    this.#line(`  ${this.#paint("red", "✗")} ${difference}`);
  }

  /**
   * Reports an error that stops the demo. Failures of scenes that still run are ignored afterwards.
   * A stack is shown only if it helps.
   */
  fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const isPlain = [SetupError, StopReason].some((plain) => error instanceof plain);
    const text = isPlain || !(error instanceof Error) ? message : (error.stack ?? message);
    this.#failures.push(message);
    this.#line(`  ${this.#paint("red", "✗")} ${text}`);
    this.#isStopped = true;
  }

  /** The last line, as JSON for programs. */
  end(summary: Readonly<Record<string, unknown>>): void {
    this.#line("");
    this.#line(
      JSON.stringify({
        ok: this.#failures.length === 0,
        ...summary,
        checks: this.#checks,
        failures: this.#failures,
      }),
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
