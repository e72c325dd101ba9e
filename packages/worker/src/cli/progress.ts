import { formatCount, formatDuration, formatRate } from "./output/figures.ts";
import { cutEnd } from "./output/text.ts";
import type { Terminal } from "./terminal.ts";

/** Milliseconds between two reports: a terminal's line is rewritten, a pipe gets a further line. */
const REWRITE_INTERVAL = 100;
const LINE_INTERVAL = 5_000;

export interface ProgressTotal {
  readonly count: number;
  /** Whether there are exactly so many; otherwise at least. */
  readonly isExact: boolean;
}

/** Tells on stderr how far a long operation is. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #participle: string;
  readonly #total: ProgressTotal;
  readonly #startedAt = performance.now();
  #reportedAt = this.#startedAt;
  #hasLine = false;

  /** `participle`: what is done to the jobs, as `Retried`. */
  constructor(terminal: Terminal, participle: string, total: ProgressTotal) {
    this.#terminal = terminal;
    this.#participle = participle;
    this.#total = total;
  }

  /** `done`: jobs that were changed. `seen`: jobs that are behind it, those included. */
  update(done: number, seen = done): void {
    const { stderr, columns } = this.#terminal;
    const now = performance.now();
    if (now - this.#reportedAt < (stderr.isTTY ? REWRITE_INTERVAL : LINE_INTERVAL)) return;
    this.#reportedAt = now;
    const text = this.#text(done, seen, now - this.#startedAt);
    if (stderr.isTTY) stderr.write(`\r${cutEnd(text, columns - 1)}\u001b[K`);
    else this.#terminal.inform(text);
    this.#hasLine = stderr.isTTY === true;
  }

  /** Clears a terminal's line for what comes next. */
  end(): void {
    if (this.#hasLine) this.#terminal.stderr.write("\r\u001b[K");
    this.#hasLine = false;
  }

  #text(done: number, seen: number, elapsed: number): string {
    const { count, isExact } = this.#total;
    const perSecond = (seen * 1_000) / Math.max(1, elapsed);
    const parts = [
      isExact || seen < count ? `${formatCount(done)} of ${countText(this.#total)}` : formatCount(done),
      formatRate(perSecond),
      ...(isExact && seen > 0 && seen < count
        ? [`${formatDuration(((count - seen) / perSecond) * 1_000)} left`]
        : []),
    ];
    return `${this.#participle} ${parts.join(", ")}`;
  }
}

/** `1,234`, or `at least 10,000`. */
export function countText({ count, isExact }: ProgressTotal): string {
  return `${isExact ? "" : "at least "}${formatCount(count)}`;
}

/** `1 job`, `at least 10,000 jobs`. */
export function jobsText(total: ProgressTotal): string {
  return `${countText(total)} ${total.count === 1 && total.isExact ? "job" : "jobs"}`;
}

/** `what`: in the imperative, as `Remove 12 jobs`. */
export function dryRunText(what: string): string {
  return `Would ${what[0]!.toLowerCase()}${what.slice(1)}. Nothing was changed.`;
}
