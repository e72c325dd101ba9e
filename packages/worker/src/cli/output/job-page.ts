import {
  type JobError,
  type JobExplanation,
  type JobGraph,
  type JobSnapshot,
  toWire,
  type WireSnapshot,
} from "@org/queue";
import { shellLine } from "../shell-line.ts";
import type { Terminal } from "../terminal.ts";
import { formatAgo, formatDuration, formatInstant } from "./figures.ts";
import { printGraph } from "./graph-tree.ts";
import { printFields, printText, printTitle } from "./sections.ts";
import { paintState } from "./states.ts";
import { lineWidth } from "./table.ts";
import { cutEnd, jsonText, oneLine, safeLines } from "./text.ts";

export interface JobPage {
  readonly job: JobSnapshot;
  readonly explanation: JobExplanation;
  readonly graph: JobGraph;
}

interface PageOptions {
  /** Shows stacks, and long values as a whole. */
  readonly isVerbose: boolean;
}

/** Lines of a value that are shown unless all are asked for. */
const MAX_LINES = 40;
/** Frames of Node and of packages. */
const FOREIGN_FRAME = /node:|[\\/]node_modules[\\/]/;

/** Everything that is known of one job, for people. */
export function printJobPage(
  terminal: Terminal,
  { job, explanation, graph }: JobPage,
  options: PageOptions,
): void {
  const { colors } = terminal;
  const wire = toWire(job);
  const stateText = job.cancelRequested && job.state === "active" ? "active, stopping" : job.state;
  terminal.print(
    `${colors.bold(oneLine(job.messageType))}  ${job.id}  ${paintState(colors, job.state, stateText)}`,
  );
  printFacts(terminal, job);
  // Of an ended job, the facts and its error say as much.
  const reasons = explanation.reasons.filter(({ kind }) => kind !== "ended");
  if (reasons.length > 0) printTitle(terminal, "Why");
  for (const { text } of reasons) printText(terminal, text);
  printValue(terminal, "Data", wire.data, options);
  printValue(terminal, "Progress", wire.progress, options);
  printValue(terminal, "Result", wire.result, options);
  printErrors(terminal, job, options);
  printValue(terminal, "Metadata", wire.metadata, options);
  printLog(terminal, wire, options);
  if (graph.nodes.length > 1) {
    printTitle(
      terminal,
      `Graph${graph.edges.length > 0 ? terminal.colors.dim("  what runs after a job is below it") : ""}`,
    );
    printGraph(terminal, graph);
  }
}

function printFacts(terminal: Terminal, job: JobSnapshot): void {
  const now = Date.now();
  const time = (at: Date | undefined) => at && `${formatInstant(at)} (${formatAgo(at, now)})`;
  const { startedAt, finishedAt = new Date(now), stalls, bounces } = job;
  const ran =
    startedAt && (job.state === "active" || job.finishedAt) ? finishedAt.getTime() - startedAt.getTime() : 0;
  const attempts = `${job.attempt} of ${job.maxAttempts}${stalls > 0 ? `, ${stalls} stalled` : ""}`;
  printFields(terminal, [
    ["queue", job.queue],
    ["version", job.version === 1 ? undefined : String(job.version)],
    ["user", job.userId],
    ["key", job.orderingKey],
    ["priority", job.priority === 0 ? undefined : String(job.priority)],
    [
      "attempts",
      `${attempts}${bounces > 0 ? `, ${bounces} given back by workers that don't know the message` : ""}`,
    ],
    ["sent", time(job.createdAt)],
    ["due", job.state === "scheduled" ? time(job.runAt) : undefined],
    // A job that was given back hasn't started: its attempt doesn't count.
    ["started", job.attempt > 0 || job.state === "active" ? time(startedAt) : undefined],
    ["finished", time(job.finishedAt)],
    ["ran", ran > 0 ? formatDuration(ran) : undefined],
    ["trace", job.traceparent],
    ["contract", job.raw ? "can't read this job: its values are shown as they travel" : undefined],
  ]);
}

function printValue(terminal: Terminal, title: string, value: unknown, { isVerbose }: PageOptions): void {
  if (value === undefined) return;
  printTitle(terminal, title);
  const lines = jsonText(value, 2).split("\n");
  const width = lineWidth(terminal) - 2;
  const shown = isVerbose ? lines : lines.slice(0, MAX_LINES);
  for (const line of shown) terminal.print(`  ${isVerbose ? line : cutEnd(line, width)}`);
  tellHidden(terminal, lines.length - shown.length);
}

function printErrors(terminal: Terminal, job: JobSnapshot, options: PageOptions): void {
  const { error, state } = job;
  // The latest failure is the job's error.
  const earlier = error ? job.failures.filter(({ epoch }) => epoch !== job.epoch) : job.failures;
  if (earlier.length > 0) {
    printTitle(terminal, "Failed attempts");
    for (const { startedAt, at, error: failure } of earlier) {
      const ran = formatDuration(at.getTime() - startedAt.getTime());
      terminal.print(terminal.colors.dim(`  ${formatInstant(at)} after ${ran}`));
      printText(terminal, `${failure.code}: ${failure.message}`, "    ");
    }
  }
  if (!error || state === "completed") return;
  printTitle(terminal, state === "failed" || state === "cancelled" ? "Error" : "Latest error");
  printError(terminal, error, options);
}

function printError(terminal: Terminal, error: JobError, { isVerbose }: PageOptions): void {
  const { code, message, stack, issues = [], errors = [], root } = error;
  const { colors } = terminal;
  printText(terminal, `${code}: ${message}`);
  for (const { path, message: problem } of issues)
    printText(terminal, `${path || "(data)"}: ${problem}`, "    ");
  for (const { name, message: inner } of errors) printText(terminal, `${name}: ${inner}`, "    ");
  if (root)
    printText(terminal, `It began with ${root.messageType} ${root.id}: ${shellLine("job", [root.id], {})}`);
  if (stack === undefined) return;
  const frames = safeLines(stack).filter((line) => /^\s*at /.test(line));
  const own = frames.find((line) => !FOREIGN_FRAME.test(line)) ?? frames[0];
  const lines = isVerbose ? safeLines(stack) : own === undefined ? [] : [own];
  const width = lineWidth(terminal) - 4;
  for (const line of lines) {
    const text = isVerbose ? line : cutEnd(line.trim(), width);
    terminal.print(colors.dim(`    ${text}`));
  }
  tellHidden(terminal, isVerbose ? 0 : frames.length - lines.length, "more frame");
}

function printLog(terminal: Terminal, { logs }: WireSnapshot, { isVerbose }: PageOptions): void {
  if (logs.length === 0) return;
  printTitle(terminal, "Log");
  const shown = isVerbose ? logs : logs.slice(-MAX_LINES);
  if (shown.length < logs.length) tellHidden(terminal, logs.length - shown.length, "earlier line");
  const width = lineWidth(terminal) - 16;
  for (const { at, message } of shown) {
    const [first = "", ...rest] = safeLines(message);
    terminal.print(`  ${terminal.colors.dim(at.slice(11, 23))}  ${cutEnd(first, width)}`);
    for (const line of rest) terminal.print(`${" ".repeat(16)}${cutEnd(line, width)}`);
  }
}

function tellHidden(terminal: Terminal, count: number, what = "more line"): void {
  if (count > 0)
    terminal.print(
      terminal.colors.dim(`    … ${count} ${what}${count === 1 ? "" : "s"}: --verbose shows all`),
    );
}
