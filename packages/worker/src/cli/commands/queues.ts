import type { JobState, QueueStats, WorkerSnapshot } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { chooseQueues } from "../known-queues.ts";
import { formatCount, formatDuration } from "../output/figures.ts";
import { paintState } from "../output/states.ts";
import { type Column, Table } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";

export const queuesCommand = defineCommand({
  name: "queues",
  summary: "shows how many jobs of each state are in each queue",
  arguments: [{ name: "QUEUE", description: "only these", required: false, rest: true }],
  flags: {},
  examples: [
    ["queue queues", "all queues"],
    ["queue queues mail reports", "two of them"],
  ],
  async run({ args, flags }, context) {
    const queue = await context.openQueue();
    const { terminal } = context;
    const [stats, workers] = await Promise.all([queue.stats(), queue.workers()]);
    const queues = chooseQueues(args, stats.queues);
    const rows = queues.map((entry) => ({ ...entry, workers: workersOf(workers, entry.queue) }));
    if (flags.json) {
      terminal.printJson(rows.map(({ recent: _, ...row }) => row));
      return EXIT_CODES.OK;
    }
    if (rows.length === 0)
      terminal.inform("There are no queues: no message is registered, and no job was sent.");
    else queueTable(terminal).print(rows);
    return EXIT_CODES.OK;
  },
});

type QueueRow = QueueStats & { readonly workers: number };

function workersOf(workers: readonly WorkerSnapshot[], queue: string): number {
  // A quiet worker takes no jobs.
  return workers.filter(({ queues, quiet }) => !quiet && queues.includes(queue)).length;
}

function queueTable(terminal: Terminal): Table<QueueRow> {
  const { colors } = terminal;
  const count = (state: JobState, title: string, optional?: number): Column<QueueRow> => ({
    title,
    align: "right",
    text: ({ states }) => formatCount(states[state]),
    paint: (text, { states }) => (states[state] === 0 ? colors.dim(text) : paintState(colors, state, text)),
    ...(optional !== undefined && { optional }),
  });
  return new Table<QueueRow>(terminal, [
    { title: "QUEUE", text: ({ queue }) => queue, cut: "middle", min: 8, paint: colors.bold },
    {
      title: "PAUSED",
      text: ({ paused }) => (paused ? "paused" : undefined),
      paint: colors.yellow,
      optional: 1,
    },
    count("blocked", "BLOCKED"),
    count("scheduled", "SCHEDULED"),
    count("queued", "QUEUED"),
    count("active", "ACTIVE"),
    count("failed", "FAILED"),
    count("completed", "COMPLETED", 3),
    count("cancelled", "CANCELLED", 4),
    {
      title: "WORKERS",
      align: "right",
      text: ({ workers }) => formatCount(workers),
      paint: (text, { workers }) => (workers === 0 ? colors.yellow(text) : text),
      optional: 2,
    },
    {
      title: "OLDEST",
      align: "right",
      text: ({ oldestWaiting }) => (oldestWaiting === undefined ? undefined : formatDuration(oldestWaiting)),
      optional: 5,
    },
  ]);
}
