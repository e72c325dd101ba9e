import { type Info, parse } from "csv-parse/sync";

export interface SheetRecord {
  /** The line where the record begins, counted from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Records {
  readonly records: readonly SheetRecord[];
  /** Lines that aren't CSV, usually because of an unclosed quote. */
  readonly brokenLines: readonly number[];
}

/**
 * Splits CSV text into records. Skips a line that isn't CSV and continues after it, so that one stray quote doesn't
 * swallow the rest of the sheet.
 */
export function readRecords(text: string): Records {
  // csv-parse counts a CRLF inside quotes as two lines, so normalize line ends first.
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
