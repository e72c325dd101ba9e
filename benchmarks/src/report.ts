import { cpus, release } from "node:os";
import type { Measurement } from "./measurement.ts";

/** The measurements as a table, one line per figure, below a line about the machine. */
export function formatReport(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ case: name, system, metric, unit, value }) => [
    name,
    system,
    metric,
    `${formatValue(value)} ${unit}`,
  ]);
  const header = ["case", "system", "metric", "median"];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === 3 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join("  ");
  return `${[describeMachine(), "", line(header), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n")}\n`;
}

/** The machine of a run. Figures of different machines can't be compared. */
function describeMachine(): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim() || "CPU"}, Node ${process.versions.node}, ${process.platform} ${release()}`;
}

function formatValue(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
