import type { Terminal } from "../terminal.ts";
import { lineWidth } from "./table.ts";
import { cutEnd, oneLine, widthOf, wrap } from "./text.ts";

/** A title in bold, after an empty line. */
export function printTitle(terminal: Terminal, title: string): void {
  terminal.print(`\n${terminal.colors.bold(title)}`);
}

/** Names and values, one a line, the values aligned. Absent values are left out. */
export function printFields(
  terminal: Terminal,
  fields: readonly (readonly [name: string, value: string | undefined, paint?: (text: string) => string])[],
): void {
  const given = fields.filter(([, value]) => value !== undefined && value !== "");
  const width = Math.max(0, ...given.map(([name]) => widthOf(name)));
  for (const [name, value = "", paint = (text: string) => text] of given) {
    const shown = cutEnd(oneLine(value), Math.max(20, lineWidth(terminal) - width - 4));
    terminal.print(`  ${terminal.colors.dim(name.padEnd(width))}  ${paint(shown)}`);
  }
}

/** Prose of the library and of users, broken into lines. */
export function printText(terminal: Terminal, text: string, indent = "  "): void {
  const width = Math.min(100, terminal.columns) - widthOf(indent);
  for (const line of wrap(oneLine(text), Math.max(20, width))) terminal.print(indent + line);
}
