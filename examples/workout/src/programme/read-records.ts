import { type Info, parse } from "csv-parse/sync";

export interface SheetRecord {
  /** Where the record begins, 1 is the first line. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Records {
  readonly records: readonly SheetRecord[];
  /** Lines that aren't CSV, most often because of a quote that is never closed. */
  readonly brokenLines: readonly number[];
}

/**
 * Splits CSV text into records. A line that isn't CSV is left out and reading goes on after it: one stray
 * quote must not swallow the rest of the sheet.
 */
export function readRecords(text: string): Records {
  // csv-parse counts a CRLF inside quotes as two lines, so line ends are made one kind first.
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const records: SheetRecord[] = [];
  const brokenLines: number[] = [];

  let start = 0;
  while (start < lines.length) {
    let end = start;
    try {
      parse(lines.slice(start).join("\n"), {
        bom: start === 0,
        relax_column_count: true,
        relax_quotes: true,
        skip_empty_lines: true,
        trim: true,
        on_record: (cells: string[], info: Info) => {
          const inside = cells.reduce((count, cell) => count + cell.split("\n").length - 1, 0);
          end = start + info.lines;
          records.push({ line: end - inside, cells });
          return null;
        },
      });
      break;
    } catch {
      while (lines[end]?.trim() === "") end++;
      brokenLines.push(end + 1);
      start = end + 1;
    }
  }
  return { records, brokenLines };
}
