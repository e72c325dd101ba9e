import { toWire, type WorkerSnapshot } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { formatAgo, formatDuration } from "../output/figures.ts";
import { Table } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";

export const workersCommand = defineCommand({
  name: "workers",
  summary: "lists the live workers and what they run",
  description:
    "A worker that died is gone after 30 s. A quiet one claims nothing more. SEEN is its last beat; LONGEST its longest\n" +
    "running job.",
  flags: { jobs: { type: "boolean", description: "list the running jobs, the longest running first" } },
  examples: [
    ["queue workers", "all processes"],
    ["queue workers --jobs", "what runs now, and since when"],
  ],
  async run({ flags }, context) {
    const queue = await context.openQueue();
    const { terminal } = context;
    const workers = await queue.workers();
    if (flags.json) terminal.printJson(workers.map((worker) => toWire(worker)));
    else if (workers.length === 0) terminal.inform("No worker is alive. Start one: queue worker");
    else if (flags.jobs) printRunning(terminal, workers);
    else workerTable(terminal).print(workers);
    return EXIT_CODES.OK;
  },
});

function workerTable(terminal: Terminal): Table<WorkerSnapshot> {
  const { colors } = terminal;
  const now = Date.now();
  return new Table<WorkerSnapshot>(terminal, [
    { title: "NAME", text: ({ name }) => name, cut: "middle", min: 10, paint: colors.bold },
    {
      title: "PROCESS",
      // A worker without a name of its own is called so.
      text: ({ name, host, process }) => (name === `${host}:${process}` ? undefined : `${host}:${process}`),
      cut: "middle",
      min: 12,
      optional: 4,
    },
    {
      title: "RUNS",
      align: "right",
      text: ({ running, concurrency }) => `${running}/${concurrency}`,
      paint: (text, { running, concurrency }) => (running >= concurrency ? colors.yellow(text) : text),
    },
    {
      title: "STATE",
      text: ({ quiet }) => (quiet ? "quiet" : undefined),
      paint: colors.yellow,
      optional: 0,
    },
    { title: "QUEUES", text: ({ queues }) => queues.join(" "), cut: "end" },
    { title: "MESSAGES", text: ({ handles }) => messagesOf(handles), cut: "end", min: 8 },
    { title: "UP", align: "right", text: ({ startedAt }) => formatDuration(now - startedAt.getTime()) },
    { title: "SEEN", align: "right", text: ({ seenAt }) => formatAgo(seenAt, now), optional: 2 },
    {
      title: "LONGEST",
      align: "right",
      text: ({ attempts: [first] }) => first && formatDuration(now - first.since.getTime()),
      optional: 1,
    },
    { title: "VERSION", text: ({ version }) => version, optional: 3 },
  ]);
}

function messagesOf(handles: WorkerSnapshot["handles"]): string {
  return handles.map(({ message, version }) => (version === 1 ? message : `${message}@${version}`)).join(" ");
}

function printRunning(terminal: Terminal, workers: readonly WorkerSnapshot[]): void {
  const now = Date.now();
  const running = workers
    .flatMap(({ name, attempts }) => attempts.map(({ id, since }) => ({ id, since, name })))
    .sort((a, b) => a.since.getTime() - b.since.getTime());
  if (running.length === 0) {
    terminal.inform(
      `No job is running on ${workers.length === 1 ? "the worker" : `the ${workers.length} workers`}.`,
    );
    return;
  }
  new Table<(typeof running)[number]>(terminal, [
    { title: "JOB", text: ({ id }) => id, cut: "middle", min: 24 },
    { title: "RUNNING", align: "right", text: ({ since }) => formatDuration(now - since.getTime()) },
    { title: "WORKER", text: ({ name }) => name, cut: "middle", paint: terminal.colors.bold },
  ]).print(running);
}
