import { formatCount, formatDuration, formatRate } from "../output/figures.ts";
import { cutEnd, oneLine, widthOf } from "../output/text.ts";
import type { Terminal } from "../terminal.ts";
import type { ReadProblem, TopModel } from "./model.ts";
import { RATES, type RateName } from "./rate-history.ts";

type Colors = Terminal["colors"];

const BARS = "▁▂▃▄▅▆▇█";
const MAX_BARS = 60;
/** Columns of a rate's name and value. */
const RATE_WIDTH = 24;
/** Columns of the totals beside a sparkline. */
const TOTAL_WIDTH = 24;

/** What all queues do: one line without much room, else with sparklines. */
export function headerLines(
  model: TopModel,
  options: {
    readonly width: number;
    readonly interval: number;
    readonly isShort: boolean;
    readonly colors: Colors;
  },
): readonly string[] {
  const { width, isShort, colors } = options;
  const first = statusLine(model, options);
  if (isShort) {
    const parts = RATES.map(
      (name) => `${formatRate(model.rates.rate(name))} ${name === "completed" ? "done" : name}`,
    );
    return [first, cutEnd(` ${parts.join(", ")}`, width)];
  }
  const { states, workers } = model;
  const running = workers.reduce((sum, worker) => sum + worker.running, 0);
  // A quiet worker finishes what it runs, and takes nothing more.
  const places = workers.reduce((sum, each) => sum + (each.quiet ? each.running : each.concurrency), 0);
  const totals = [
    `${formatCount(states.queued)} waiting`,
    `${formatCount(running)} of ${formatCount(places)} running`,
    `${formatCount(states.failed)} failed`,
  ];
  return [first, ...RATES.map((name, index) => rateLine(model, name, totals[index]!, { width, colors }))];
}

function statusLine(
  { at, problem }: TopModel,
  { width, interval, colors }: { readonly width: number; readonly interval: number; readonly colors: Colors },
): string {
  const time = `${at.toISOString().slice(11, 19)} UTC`;
  if (problem) {
    return problemLine(problem, width, colors);
  }
  const left = ` queue top`;
  const right = `${time}, every ${formatDuration(interval)} `;
  return colors.bold(left) + colors.dim(right.padStart(Math.max(0, width - left.length)));
}

/** Since when nothing could be read, and why. */
export function problemLine({ since, text }: ReadProblem, width: number, colors: Colors): string {
  const line = ` No data since ${since.toISOString().slice(11, 19)} UTC, trying again. ${oneLine(text)}`;
  return colors.bold(colors.red(cutEnd(line, width)));
}

function rateLine(
  { rates }: TopModel,
  name: RateName,
  total: string,
  { width, colors }: { readonly width: number; readonly colors: Colors },
): string {
  const rate = rates.rate(name);
  const paint = { completed: colors.green, failed: colors.red, retried: colors.yellow }[name];
  const room = Math.min(MAX_BARS, width - RATE_WIDTH - TOTAL_WIDTH);
  const value = formatRate(rate).padStart(9);
  const head = ` ${name.padEnd(9)} ${rate > 0 ? paint(value) : colors.dim(value)}   `;
  const isWide = room >= 10;
  const bars = isWide ? sparkline(rates.bars(name, room)) : "";
  const space = width - RATE_WIDTH - widthOf(bars) - widthOf(total);
  return `${head}${paint(bars)}${space > 0 ? " ".repeat(space) + total : ""}`;
}

/** A bar for each value, in the eighths of the highest. None is a dot: one of a thousand is still a bar. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(...values);
  return values
    .map((value) => {
      if (value <= 0) return "·";
      return BARS[Math.max(0, Math.ceil((value / most) * BARS.length) - 1)];
    })
    .join("");
}
