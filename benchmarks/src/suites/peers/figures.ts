import type { Measurement } from "../../measurement.ts";
import { OURS, SYSTEMS } from "../../peers/systems.ts";

/** The unit of ratios between systems. Ratios within one system use "times". */
export const RATIO = "x";
/** The case with the machine and the method. */
export const ENVIRONMENT = "environment";

/** The figures of all systems for one metric of one case. */
export interface Row {
  readonly case: string;
  readonly metric: string;
  readonly unit: string;
  readonly values: ReadonlyMap<string, number>;
  /** Our figure divided by each system's: the median of the ratios per round. */
  readonly ratios: ReadonlyMap<string, number>;
}

/** The name of the ratio of our figure to a peer's. */
export function ratioMetric(metric: string, peer: string): string {
  return `${metric} : ${peer}`;
}

/** The measurements by metric, without the environment. */
export function rowsOf(measurements: readonly Measurement[]): readonly Row[] {
  const rows = new Map<string, Row & { readonly values: Map<string, number> }>();
  for (const { case: name, metric, unit, system, value } of measurements) {
    if (unit === RATIO || name === ENVIRONMENT) continue;
    const key = `${name}\n${metric}`;
    const row = rows.get(key) ?? {
      case: name,
      metric,
      unit,
      values: new Map<string, number>(),
      ratios: ratiosOf(measurements, name, metric),
    };
    rows.set(key, row);
    row.values.set(system, value);
  }
  return [...rows.values()];
}

function ratiosOf(measurements: readonly Measurement[], name: string, metric: string) {
  const ratios = measurements.filter((measured) => measured.case === name && measured.unit === RATIO);
  return new Map(
    SYSTEMS.map(({ name }) => name).flatMap((peer): [string, number][] => {
      const ratio = ratios.find((measured) => measured.metric === ratioMetric(metric, peer));
      return ratio ? [[peer, ratio.value]] : [];
    }),
  );
}

/** Rates are better when higher. Times, sizes and idle commands are better when lower. */
export function isLowerBetter({ unit }: Pick<Row, "unit">): boolean {
  return unit === "commands/s" || !unit.endsWith("/s");
}

/** Peers that beat us, by the medians or by the ratios per round. The raw stream isn't a peer. */
export function betterPeers(row: Row): readonly string[] {
  const ours = row.values.get(OURS);
  if (ours === undefined) return [];
  const ratioOf = (name: string) => row.ratios.get(name) ?? ours / row.values.get(name)!;
  return SYSTEMS.filter(({ isLimit }) => !isLimit)
    .map(({ name }) => name)
    .filter((name) => row.values.has(name))
    .filter((name) => isBetter(row, row.values.get(name)!, ours) || isBetter(row, 1, ratioOf(name)));
}

export function isBetter(row: Row, theirs: number, ours: number): boolean {
  return isLowerBetter(row) ? theirs < ours : theirs > ours;
}

export function formatFigure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  if (value >= 10) return value.toFixed(1);
  return value === 0 ? "0" : value.toFixed(2);
}

export function formatRatio(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return "";
  return `${value >= 10 ? value.toFixed(1) : value.toFixed(2)}x`;
}
