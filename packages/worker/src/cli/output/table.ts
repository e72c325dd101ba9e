import type { Terminal } from "../terminal.ts";
import { cutEnd, cutMiddle, oneLine, widthOf } from "./text.ts";

/** One column of a table of rows. */
export interface Column<Row> {
  readonly title: string;
  /** Any text: it is made harmless. `undefined` and `""` leave the cell empty. */
  readonly text: (row: Row) => string | undefined;
  /** Numbers are aligned to the right. @default "left" */
  readonly align?: "left" | "right";
  /** Where a text is cut that is too long. Columns without it are never cut. @default not cut */
  readonly cut?: "end" | "middle";
  /** Narrowest that a cut column may get. @default 8 */
  readonly min?: number;
  /** Takes as many columns of the terminal at least, so that it keeps its place while values change. @default 0 */
  readonly width?: number;
  /** Left out where all its cells are empty, and, the highest first, where the others don't fit; not 0. @default never */
  readonly optional?: number;
  /** Colours a cell. */
  readonly paint?: (text: string, row: Row) => string;
}

const GAP = 2;

/** Lines of rows that fit a terminal. In a pipe nothing is cut or left out. */
export class Table<Row> {
  readonly #terminal: Terminal;
  readonly #columns: readonly Column<Row>[];
  #layout: TableLayout<Row> | undefined;

  constructor(terminal: Terminal, columns: readonly Column<Row>[]) {
    this.#terminal = terminal;
    this.#columns = columns;
  }

  /** Prints rows under the titles. Further rows are aligned with those of the first call. */
  print(rows: readonly Row[]): void {
    const isFirst = this.#layout === undefined;
    this.#layout ??= new TableLayout(this.#columns, rows, lineWidth(this.#terminal));
    if (isFirst) this.#terminal.print(this.#layout.title(this.#terminal.colors.dim));
    for (const row of rows) this.#terminal.print(this.#layout.line(row));
  }
}

/** The columns that fit a width, and how wide each is. */
export class TableLayout<Row> {
  readonly #columns: readonly (readonly [Column<Row>, number])[];

  constructor(columns: readonly Column<Row>[], rows: readonly Row[], width: number) {
    this.#columns = fit(columns, rows, width);
  }

  title(paint: (text: string) => string): string {
    const titles = this.#columns.map(([column, width]) => pad(column.title, width, column, paint));
    return titles.join(" ".repeat(GAP)).trimEnd();
  }

  line(row: Row): string {
    const cells = this.#columns.map(([column, width]) => {
      const { cut, paint = (text: string) => text } = column;
      const text = textOf(column, row);
      const shown = cut === "end" ? cutEnd(text, width) : cut === "middle" ? cutMiddle(text, width) : text;
      return pad(shown, width, column, (cell) => paint(cell, row));
    });
    return cells.join(" ".repeat(GAP)).trimEnd();
  }
}

/** Columns of a terminal; without bound in a pipe, whose reader wants whole values. */
export function lineWidth({ stdout, columns }: Terminal): number {
  return stdout.isTTY ? columns : Number.POSITIVE_INFINITY;
}

function textOf<Row>({ text }: Column<Row>, row: Row): string {
  return oneLine(text(row) ?? "");
}

function pad<Row>(
  text: string,
  width: number,
  { align }: Column<Row>,
  paint: (text: string) => string,
): string {
  const space = " ".repeat(Math.max(0, width - widthOf(text)));
  const painted = text === "" ? text : paint(text);
  return align === "right" ? space + painted : painted + space;
}

/** Drops columns that are empty or don't fit, then narrows the widest that may be cut. */
function fit<Row>(columns: readonly Column<Row>[], rows: readonly Row[], available: number) {
  let chosen = columns
    .map((column) => ({ column, content: Math.max(0, ...rows.map((row) => widthOf(textOf(column, row)))) }))
    .filter(({ column: { optional }, content }) => content > 0 || optional === undefined)
    .map(({ column, content }) => ({
      column,
      width: Math.max(widthOf(column.title), column.width ?? 0, content),
    }));
  const least = () =>
    chosen.reduce((sum, { column, width }) => sum + narrowest(column, width), GAP * (chosen.length - 1));
  while (least() > available) {
    const last = chosen.reduce<number>((most, { column }) => Math.max(most, column.optional ?? 0), 0);
    if (last === 0) break;
    chosen = chosen.filter(({ column }) => column.optional !== last);
  }
  let surplus = chosen.reduce((sum, { width }) => sum + width, GAP * (chosen.length - 1)) - available;
  while (surplus > 0) {
    const widest = chosen
      .filter(({ column, width }) => width > narrowest(column, width))
      .reduce<(typeof chosen)[number] | undefined>((a, b) => (a && a.width >= b.width ? a : b), undefined);
    if (!widest) break;
    widest.width--;
    surplus--;
  }
  return chosen.map(({ column, width }) => [column, width] as const);
}

function narrowest<Row>({ cut, min = 8, title }: Column<Row>, width: number): number {
  return cut ? Math.min(width, Math.max(min, widthOf(title))) : width;
}
