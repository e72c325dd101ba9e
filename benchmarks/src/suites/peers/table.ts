import type { Measurement } from "../../measurement.ts";
import { BULLMQ, GROUPMQ, RAW, SYSTEMS } from "../../peers/systems.ts";
import { formatFigure, formatRatio, type Row, rowsOf } from "./figures.ts";

const NAMES = SYSTEMS.map(({ name }) => name);

/** The medians of all systems, and our ratios to the peer and to the limit. */
export function formatTable(measurements: readonly Measurement[]): string {
  // Measured round trips are only for the page.
  const rows = rowsOf(measurements).filter(({ values }) => NAMES.some((name) => values.has(name)));
  const header = ["", ...NAMES, ": BullMQ", ": groupmq", ": raw"];
  const lines = rows.map((row) => [
    `  ${row.metric}, ${row.unit}`,
    ...NAMES.map((name) => formatCell(row, name)),
    ratioTo(row, BULLMQ),
    ratioTo(row, GROUPMQ),
    ratioTo(row, RAW),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]!.length)),
  );
  const align = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  ")
      .trimEnd();
  const body = rows.flatMap((row, index) => {
    const isFirst = rows[index - 1]?.case !== row.case;
    return [...(isFirst ? [row.case] : []), align(lines[index]!)];
  });
  return `${[align(header), align(widths.map((width) => "─".repeat(width))), ...body].join("\n")}\n`;
}

export function formatCell(row: Row, name: string): string {
  const value = row.values.get(name);
  return value === undefined ? "" : formatFigure(value);
}

export function ratioTo(row: Row, name: string): string {
  return formatRatio(row.ratios.get(name));
}
