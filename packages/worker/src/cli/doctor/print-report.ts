import type { Finding } from "@org/queue";
import { lineWidth } from "../output/table.ts";
import { oneLine, widthOf, wrap } from "../output/text.ts";
import type { Terminal } from "../terminal.ts";
import type { CheckGroup } from "./report.ts";

const STATUS_WIDTH = "skipped".length;
/** Narrower, text isn't wrapped. Wider lines are hard to read. */
const [MIN_TEXT, MAX_TEXT] = [30, 100];

/** Groups with a line for each check, and below it what to do. */
export function printReport(terminal: Terminal, groups: readonly CheckGroup[]): void {
  const { colors } = terminal;
  const width = Math.max(
    0,
    ...groups.flatMap(({ checks }) => checks.map(({ check }) => widthOf(oneLine(check)))),
  );
  for (const { name, checks } of groups) {
    if (checks.length === 0) continue;
    terminal.print(colors.bold(name));
    for (const each of checks) printCheck(terminal, each, width);
    terminal.print("");
  }
  terminal.print(summary(groups, terminal));
}

function printCheck(terminal: Terminal, { check, status, text, remedy }: Finding, width: number): void {
  const { colors } = terminal;
  const name = oneLine(check);
  const indent = " ".repeat(2 + STATUS_WIDTH + 2 + width + 2);
  const [first = "", ...rest] = wrapped(terminal, text, indent);
  const space = " ".repeat(width - widthOf(name));
  const paintText = status === "ok" || status === "skipped" ? colors.dim : (line: string) => line;
  terminal.print(`  ${paint(terminal, status)}  ${name}${space}  ${paintText(first)}`);
  for (const line of rest) terminal.print(indent + paintText(line));
  if (remedy === undefined) return;
  const lines = wrapped(terminal, remedy, `${indent}  `);
  for (const [index, line] of lines.entries()) terminal.print(`${indent}${index === 0 ? "→ " : "  "}${line}`);
}

function wrapped(terminal: Terminal, text: string, indent: string): readonly string[] {
  const width = Math.min(lineWidth(terminal) - widthOf(indent), MAX_TEXT);
  return terminal.stdout.isTTY ? wrap(oneLine(text), Math.max(MIN_TEXT, width)) : [oneLine(text)];
}

function paint({ colors }: Terminal, status: Finding["status"]): string {
  const text = status.padEnd(STATUS_WIDTH);
  if (status === "ok") return colors.green(text);
  if (status === "warning") return colors.yellow(text);
  return status === "problem" ? colors.bold(colors.red(text)) : colors.dim(text);
}

function summary(groups: readonly CheckGroup[], { colors }: Terminal): string {
  const count = (status: Finding["status"]) =>
    groups.reduce((sum, { checks }) => sum + checks.filter((each) => each.status === status).length, 0);
  const [problems, warnings, others] = [count("problem"), count("warning"), count("skipped")];
  const parts = [
    ...(problems > 0 ? [colors.bold(colors.red(plural(problems, "problem")))] : []),
    ...(warnings > 0 ? [colors.yellow(plural(warnings, "warning"))] : []),
    colors.green(`${count("ok")} ok`),
    ...(others > 0 ? [colors.dim(`${others} skipped`)] : []),
  ];
  return parts.join(", ");
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
