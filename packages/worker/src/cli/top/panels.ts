import type { JobState, QueueStats, WorkerSnapshot } from "@org/queue";
import { formatCount, formatDuration, formatRate } from "../output/figures.ts";
import { paintState } from "../output/states.ts";
import { type Column, TableLayout } from "../output/table.ts";
import type { Terminal } from "../terminal.ts";
import { type FailedJob, MAX_ROWS, type RunningJob, type TopModel } from "./model.ts";
import { type PanelName, sortedQueues, type TopView } from "./view.ts";

type Colors = Terminal["colors"];

/** A panel's title and rows, of which the screen shows some. */
export interface PanelTable {
  readonly title: string;
  readonly count: number;
  /** What the rows are that may not all fit. */
  readonly all: string;
  /** Shown in place of rows. */
  readonly empty: string;
  line(index: number): string;
}

export function panelTable(
  panel: PanelName,
  model: TopModel,
  view: TopView,
  { width, colors }: { readonly width: number; readonly colors: Colors },
): PanelTable {
  const isFocused = view.focus === panel;
  const now = model.at.getTime();
  const table = <Row>(rows: readonly Row[], columns: readonly Column<Row>[], empty: string): PanelTable => {
    const layout = new TableLayout(columns, rows, width);
    const paint = isFocused ? (text: string) => colors.bold(colors.cyan(text)) : colors.dim;
    return {
      title: layout.title(paint),
      count: rows.length,
      all: describeAll(panel, rows.length),
      empty,
      line: (index) => layout.line(rows[index]!),
    };
  };
  if (panel === "queues") {
    const empty = "There are no queues: no message is registered, and no job was sent.";
    return table(sortedQueues(model, view), queueColumns(model, colors), colors.dim(empty));
  }
  if (panel === "workers") {
    return table(
      model.workers,
      workerColumns(model, colors),
      colors.yellow("No worker is alive. Start one: queue worker"),
    );
  }
  return panel === "running"
    ? table(model.running, runningColumns(now, colors), colors.dim("No job is running."))
    : table(model.failures, failureColumns(now, colors), colors.dim("No job has failed."));
}

/** Of running jobs and failures there may be more. */
function describeAll(panel: PanelName, count: number): string {
  if (count === MAX_ROWS && panel === "running") return `the longest ${count}`;
  if (count === MAX_ROWS && panel === "failures") return `the newest ${count}`;
  return formatCount(count);
}

function queueColumns({ rates, queues }: TopModel, colors: Colors): readonly Column<QueueStats>[] {
  const count = (title: string, states: readonly JobState[], optional?: number): Column<QueueStats> => {
    const read = (row: QueueStats) => states.reduce((sum, state) => sum + row.states[state], 0);
    return {
      title,
      align: "right",
      width: 7,
      text: (row) => formatCount(read(row)),
      paint: (text, row) => (read(row) === 0 ? colors.dim(text) : paintState(colors, states[0]!, text)),
      ...(optional !== undefined && { optional }),
    };
  };
  return [
    {
      title: `1 QUEUES ${formatCount(queues.length)}`,
      text: ({ queue }) => queue,
      cut: "middle",
      min: 10,
      width: 14,
      paint: colors.bold,
    },
    {
      title: "STATE",
      text: ({ paused }) => (paused ? "paused" : undefined),
      paint: colors.yellow,
      optional: 0,
    },
    count("WAITING", ["queued"]),
    count("ACTIVE", ["active"], 3),
    count("LATER", ["scheduled", "blocked"], 5),
    count("FAILED", ["failed"]),
    {
      title: "RATE",
      align: "right",
      width: 7,
      text: ({ queue }) => formatRate(rates.ended(queue)),
      paint: (text) => (text === "0/s" ? colors.dim(text) : text),
      optional: 4,
    },
    {
      title: "OLDEST",
      align: "right",
      width: 10,
      text: ({ oldestWaiting }) => (oldestWaiting === undefined ? undefined : formatDuration(oldestWaiting)),
      optional: 2,
    },
  ];
}

function workerColumns({ at, workers }: TopModel, colors: Colors): readonly Column<WorkerSnapshot>[] {
  const now = at.getTime();
  return [
    {
      title: `2 WORKERS ${formatCount(workers.length)}`,
      text: ({ name }) => name,
      cut: "middle",
      min: 12,
      width: 14,
      paint: colors.bold,
    },
    { title: "STATE", text: ({ quiet }) => (quiet ? "quiet" : undefined), paint: colors.yellow, optional: 0 },
    {
      title: "RUNS",
      align: "right",
      width: 7,
      text: ({ running, concurrency }) => `${running}/${concurrency}`,
      paint: (text, { running, concurrency }) => (running >= concurrency ? colors.yellow(text) : text),
    },
    {
      title: "UP",
      align: "right",
      width: 10,
      text: ({ startedAt }) => formatDuration(now - Number(startedAt)),
      optional: 2,
    },
    {
      title: "LONGEST",
      align: "right",
      width: 10,
      text: ({ attempts: [first] }) => first && formatDuration(now - Number(first.since)),
      optional: 4,
    },
    {
      title: "HOST",
      // A worker without a name of its own is called so.
      text: ({ name, host, process }) => (name === `${host}:${process}` ? undefined : `${host}:${process}`),
      cut: "middle",
      min: 12,
      optional: 3,
    },
    { title: "QUEUES", text: ({ queues }) => queues.join(" "), cut: "end", optional: 5 },
  ];
}

function runningColumns(now: number, colors: Colors): readonly Column<RunningJob>[] {
  return [
    {
      title: "3 RUNNING",
      text: ({ messageType }) => messageType,
      cut: "middle",
      min: 14,
      width: 14,
      paint: colors.bold,
    },
    { title: "FOR", align: "right", width: 10, text: ({ since }) => formatDuration(now - Number(since)) },
    { title: "JOB", text: ({ id }) => id, cut: "middle", min: 10 },
    { title: "QUEUE", text: ({ queue }) => queue, cut: "middle", optional: 2 },
    { title: "WORKER", text: ({ worker }) => worker, cut: "middle", min: 10, optional: 1 },
  ];
}

function failureColumns(now: number, colors: Colors): readonly Column<FailedJob>[] {
  return [
    {
      title: "4 FAILURES",
      text: ({ messageType }) => messageType,
      cut: "middle",
      min: 14,
      width: 14,
      paint: colors.bold,
    },
    { title: "AGO", align: "right", width: 10, text: ({ at }) => formatDuration(now - Number(at)) },
    { title: "JOB", text: ({ id }) => id, cut: "middle", min: 12, optional: 1 },
    { title: "QUEUE", text: ({ queue }) => queue, cut: "middle", optional: 2 },
    { title: "ERROR", text: ({ error }) => error, cut: "end", min: 34, paint: colors.red },
  ];
}
