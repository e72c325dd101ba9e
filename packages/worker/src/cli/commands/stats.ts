import {
  type Activity,
  HISTOGRAM_BOUNDS,
  type QueueMetrics,
  RECENT_MINUTES,
  type Stats,
  toWire,
} from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { chooseQueues } from "../known-queues.ts";
import { formatCount, formatDuration, formatRate, formatShare } from "../output/figures.ts";
import { Table } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";

export const statsCommand = defineCommand({
  name: "stats",
  summary: `shows what happened in the last ${RECENT_MINUTES} minutes: rates, failures, times`,
  description:
    "WAIT is the time from ready to started, RUN from started to ended: 95 of 100 jobs took less. Both are upper\n" +
    "bounds of histograms. With --json it prints what queue.stats() answers.",
  arguments: [{ name: "QUEUE", description: "only these", required: false, rest: true }],
  flags: { messages: { type: "boolean", short: "m", description: "each message apart" } },
  examples: [
    ["queue stats", "all queues"],
    ["queue stats mail --messages", "each message of one queue"],
  ],
  async run({ args, flags }, context) {
    const queue = await context.openQueue();
    const { terminal } = context;
    const byMessage = flags.messages === true;
    const stats = await queue.stats({ byMessage });
    const queues = chooseQueues(args, stats.queues);
    if (flags.json) {
      terminal.printJson(toWire({ ...stats, queues }));
      return EXIT_CODES.OK;
    }
    const metrics = await queue.metrics({ since: stats.since, byMessage });
    const rows = rowsOf(queues, metrics);
    if (rows.length === 0) {
      terminal.inform(`Nothing happened in the last ${RECENT_MINUTES} minutes.`);
      return EXIT_CODES.OK;
    }
    statsTable(terminal, byMessage).print(rows);
    return EXIT_CODES.OK;
  },
});

interface StatsRow {
  readonly queue: string;
  readonly message?: string | undefined;
  readonly recent: Activity;
  readonly wait: number | undefined;
  readonly run: number | undefined;
}

function rowsOf(queues: Stats["queues"], metrics: readonly QueueMetrics[]): readonly StatsRow[] {
  return queues.flatMap(({ queue, recent, messages }) => {
    const own = metrics.filter((minute) => minute.queue === queue);
    const row = (activity: Activity, minutes: readonly QueueMetrics[], message?: string): StatsRow => ({
      queue,
      message,
      recent: activity,
      wait: percentile(minutes.map(({ waiting }) => waiting)),
      run: percentile(minutes.map(({ running }) => running)),
    });
    if (!messages) return [row(recent, own)];
    return messages.map(({ message, recent: activity }) =>
      row(
        activity,
        own.filter((minute) => minute.message === message),
        message ?? "(others)",
      ),
    );
  });
}

/** The bound below which 95 % of the counted are; infinite for the overflow, `undefined` of none. */
function percentile(histograms: readonly (readonly number[])[]): number | undefined {
  const counts = [...HISTOGRAM_BOUNDS, Number.POSITIVE_INFINITY].map((_, index) =>
    histograms.reduce((sum, histogram) => sum + (histogram[index] ?? 0), 0),
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let seen = 0;
  const index = counts.findIndex((count) => {
    seen += count;
    return seen >= total * 0.95;
  });
  return HISTOGRAM_BOUNDS[index] ?? Number.POSITIVE_INFINITY;
}

function formatBound(bound: number | undefined): string | undefined {
  if (bound === undefined) return undefined;
  return Number.isFinite(bound)
    ? `<${formatDuration(bound)}`
    : `>${formatDuration(HISTOGRAM_BOUNDS.at(-1) ?? 0)}`;
}

function statsTable(terminal: Terminal, byMessage: boolean): Table<StatsRow> {
  const { colors } = terminal;
  const figure = (title: string, read: (recent: Activity) => number, optional?: number) => ({
    title,
    align: "right" as const,
    text: ({ recent }: StatsRow) => formatCount(read(recent)),
    paint: (text: string, { recent }: StatsRow) => (read(recent) === 0 ? colors.dim(text) : text),
    ...(optional !== undefined && { optional }),
  });
  return new Table<StatsRow>(terminal, [
    { title: "QUEUE", text: ({ queue }) => queue, cut: "middle", paint: colors.bold },
    ...(byMessage
      ? [{ title: "MESSAGE", text: ({ message }: StatsRow) => message, cut: "middle" as const, min: 10 }]
      : []),
    figure("SENT", ({ sent }) => sent),
    figure("DONE", ({ completed }) => completed),
    figure("FAILED", ({ failed }) => failed),
    figure("CANCELLED", ({ cancelled }) => cancelled, 4),
    figure("RETRIED", ({ retried }) => retried, 2),
    figure("STALLED", ({ stalled }) => stalled, 3),
    { title: "RATE", align: "right", text: ({ recent }) => formatRate(recent.endedPerSecond) },
    {
      title: "FAIL",
      align: "right",
      text: ({ recent }) =>
        recent.completed + recent.failed > 0 ? formatShare(recent.failureRate) : undefined,
      paint: (text, { recent }) => (recent.failureRate > 0 ? colors.red(text) : colors.dim(text)),
    },
    { title: "WAIT", align: "right", text: ({ wait }) => formatBound(wait), optional: 1 },
    { title: "RUN", align: "right", text: ({ run }) => formatBound(run), optional: 1 },
  ]);
}
