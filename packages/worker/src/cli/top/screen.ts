import { cutEnd, oneLine, widthOf, wrap } from "../output/text.ts";
import type { Terminal } from "../terminal.ts";
import { headerLines, problemLine } from "./header.ts";
import { HELP_LINES } from "./help.ts";
import type { TopModel } from "./model.ts";
import { type PanelTable, panelTable } from "./panels.ts";
import { describeChange, PANELS, type PanelName, rowIds, selectedIndex, type TopView } from "./view.ts";

type Colors = Terminal["colors"];

export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds between two readings. */
  readonly interval: number;
  readonly colors: Colors;
  /** Of the open job's page; absent until it is read. */
  readonly jobLines?: readonly string[];
}

const MIN_COLUMNS = 40;
const MIN_ROWS = 10;
/** With fewer lines only the chosen panel is shown. */
const MIN_ROWS_OF_ALL = 18;
/** From here on the panels stand apart. */
const MIN_ROWS_WITH_GAPS = 30;
/** Columns left of a row, for the mark of the chosen one. */
const GUTTER = 2;

/** The lines of the screen: as many as it has rows, none wider than it. */
export function screenLines(model: TopModel, view: TopView, options: ScreenOptions): readonly string[] {
  const { columns, rows } = options;
  if (columns < MIN_COLUMNS || rows < MIN_ROWS) return tooSmall(columns, rows);
  const footer = footerLines(model, view, options);
  const room = rows - footer.length;
  const above = view.page
    ? pageLines(view, options)
        .slice(scrollOf(model, view, options))
        .slice(0, room)
    : panelLines(model, view, { ...options, rows: room });
  return [...above, ...Array.from({ length: room - above.length }, () => ""), ...footer];
}

/** How far the open page is scrolled, at most to its end. */
export function scrollOf(model: TopModel, view: TopView, options: ScreenOptions): number {
  if (!view.page) return 0;
  const room = options.rows - footerLines(model, view, options).length;
  return Math.max(0, Math.min(view.page.scroll, pageLines(view, options).length - room));
}

function tooSmall(columns: number, rows: number): readonly string[] {
  const text = `queue top needs ${MIN_COLUMNS} columns and ${MIN_ROWS} lines. These are ${columns} and ${rows}. q quits.`;
  const lines = wrap(text, columns).map((line) => cutEnd(line, columns));
  return Array.from({ length: rows }, (_, index) => lines[index] ?? "");
}

function pageLines({ page }: TopView, { jobLines, columns, colors }: ScreenOptions): readonly string[] {
  if (page?.kind === "help") return HELP_LINES.map((line) => (/^\S/.test(line) ? colors.bold(line) : line));
  return jobLines?.map((line) => cutStyled(line, columns)) ?? [colors.dim("Reading the job…")];
}

function panelLines(model: TopModel, view: TopView, options: ScreenOptions): readonly string[] {
  const { columns, rows, interval, colors } = options;
  const isShort = rows < MIN_ROWS_OF_ALL - 1;
  const lines = [...headerLines(model, { width: columns, interval, isShort, colors })];
  const panels = isShort ? [view.focus] : PANELS;
  const tables = new Map(
    panels.map((panel) => [panel, panelTable(panel, model, view, { width: columns - GUTTER, colors })]),
  );
  const gap = !isShort && rows >= MIN_ROWS_WITH_GAPS - 1 ? 1 : 0;
  const heights = shareRows(tables, view.focus, rows - lines.length - panels.length * (1 + gap));
  for (const [panel, table] of tables) {
    if (gap > 0) lines.push("");
    lines.push(...onePanel(panel, table, heights.get(panel) ?? 0, { model, view, columns, colors }));
  }
  return lines;
}

/** Two rows or more to each panel as far as it has some, then to the chosen one what it needs, then to the others in turn. */
function shareRows(
  tables: ReadonlyMap<PanelName, PanelTable>,
  focus: PanelName,
  room: number,
): ReadonlyMap<PanelName, number> {
  const least = Math.max(2, Math.floor(room / 8));
  const needs = [...tables].map(([panel, { count }]) => ({ panel, need: Math.max(1, count) }));
  const heights = new Map(needs.map(({ panel, need }) => [panel, Math.min(least, need)]));
  let left = room - [...heights.values()].reduce((sum, height) => sum + height, 0);
  const ordered = [...needs].sort((a, b) => Number(b.panel === focus) - Number(a.panel === focus));
  const [first, ...others] = ordered;
  const give = (panel: PanelName, rows: number) => {
    heights.set(panel, heights.get(panel)! + rows);
    left -= rows;
  };
  if (first) give(first.panel, Math.min(left, first.need - heights.get(first.panel)!));
  for (let given = -1; left > 0 && given !== left; ) {
    given = left;
    for (const { panel, need } of others) if (left > 0 && heights.get(panel)! < need) give(panel, 1);
  }
  return heights;
}

interface PanelContext {
  readonly model: TopModel;
  readonly view: TopView;
  readonly columns: number;
  readonly colors: Colors;
}

function onePanel(
  panel: PanelName,
  table: PanelTable,
  height: number,
  context: PanelContext,
): readonly string[] {
  const { model, view, columns, colors } = context;
  const isFocused = view.focus === panel;
  const selected = selectedIndex(rowIds(model, view, panel), view.selections[panel]);
  const first = Math.max(0, Math.min(table.count - height, selected - Math.floor(height / 2)));
  const last = Math.min(table.count, first + height);
  // The chosen row shows which panel has the keys, if there is one.
  const title = `${isFocused && table.count === 0 ? "> " : "  "}${table.title}`;
  const range = last - first < table.count ? `${first + 1}-${last} of ${table.all}` : "";
  const space = columns - widthOf(plain(title)) - range.length;
  const lines = [space >= 2 ? `${title}${" ".repeat(space)}${colors.dim(range)}` : cutStyled(title, columns)];
  if (table.count === 0) lines.push(`  ${cutStyled(table.empty, columns - GUTTER)}`);
  for (let index = first; index < last; index++) {
    const line = table.line(index);
    lines.push(
      isFocused && index === selected ? highlighted(line, columns) : `  ${cutStyled(line, columns - GUTTER)}`,
    );
  }
  return lines;
}

/** In the terminal's own colours, swapped: readable on dark and on light. */
function highlighted(line: string, columns: number): string {
  const text = `> ${cutEnd(plain(line), columns - GUTTER)}`;
  return `\u001b[7m${text}${" ".repeat(Math.max(0, columns - widthOf(text)))}\u001b[27m`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
const STYLE = /\u001b\[[0-9;]*m/g;

/** Without colours. */
export function plain(text: string): string {
  return text.replace(STYLE, "");
}

/** Narrow screens have no room for colours of what doesn't fit. */
function cutStyled(text: string, width: number): string {
  const bare = plain(text);
  return widthOf(bare) <= width ? text : cutEnd(bare, width);
}

function footerLines(
  { problem }: TopModel,
  view: TopView,
  { columns, colors }: ScreenOptions,
): readonly string[] {
  const { question, notice, page } = view;
  if (question) {
    return messageLines(`${describeChange(question)} y: yes, any other key: no`, columns).map((line) =>
      colors.bold(colors.yellow(line)),
    );
  }
  if (notice) {
    const paint = notice.isError ? (text: string) => colors.bold(colors.red(text)) : colors.bold;
    return messageLines(notice.text, columns).map((line) => paint(line));
  }
  // A job's page has no header that could show it.
  if (page && problem) return [problemLine(problem, columns, colors)];
  return [colors.dim(cutEnd(` ${hints(view).join("   ")}`, columns))];
}

/** At most three lines. */
function messageLines(text: string, columns: number): readonly string[] {
  const lines = wrap(oneLine(text), columns - 2);
  const shown = lines.length > 3 ? [...lines.slice(0, 2), lines.slice(2).join(" ")] : lines;
  return shown.map((line) => ` ${cutEnd(line, columns - 2)}`);
}

function hints({ focus, page }: TopView): readonly string[] {
  if (page?.kind === "help") return ["q: back"];
  if (page) return ["q: back", "r: retry", "up, down: scroll", "?: help"];
  const own = {
    queues: ["p: pause or resume", "s: sort"],
    workers: [],
    running: ["enter: open"],
    failures: ["enter: open", "r: retry"],
  }[focus];
  return ["?: help", "q: quit", "tab: next panel", ...own];
}
