import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatRate,
  formatShare,
} from "../../src/cli/output/figures.ts";
import { type Column, Table } from "../../src/cli/output/table.ts";
import { cutEnd, cutMiddle, jsonText, oneLine, safeLines, widthOf, wrap } from "../../src/cli/output/text.ts";
import { queryText } from "../../src/cli/query.ts";
import { Terminal } from "../../src/cli/terminal.ts";

describe("texts of users", () => {
  it("can't break lines, colour or turn what is around them", () => {
    expect(oneLine("a\r\nb\tc")).toBe("a\\r\\nb\\tc");
    expect(oneLine("\u001b[31mred\u009b0m")).toBe("\\u001b[31mred\\u009b0m");
    expect(oneLine("abc\u202edef\u2066\u200f\ufeff\u2028")).toBe("abc\\u202edef\\u2066\\u200f\\ufeff\\u2028");
    expect(oneLine("half \ud800 pair")).toBe("half \ufffd pair");
    expect(oneLine("family 👩‍👩‍👧 and Persian می‌خواهم")).toBe("family 👩‍👩‍👧 and Persian می‌خواهم");
    expect(safeLines("one\r\n\ttwo\u0007")).toEqual(["one", "  two\\u0007"]);
  });

  it("stay the same values in JSON", () => {
    const value = { text: "\u001b[2J\u009b\u202e\u{e0001}\n\u007f", n: [1] };
    for (const indent of [undefined, 2]) {
      const json = jsonText(value, indent);
      expect(JSON.parse(json)).toEqual(value);
      expect(json).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    }
  });

  it("are cut by the columns that they take", () => {
    expect([widthOf("abc"), widthOf("日本"), widthOf("👩‍👩‍👧"), widthOf("e\u0301"), widthOf("")]).toEqual([
      3, 4, 2, 1, 0,
    ]);
    expect(cutEnd("abcdef", 4)).toBe("abc…");
    expect(cutEnd("日本語テキスト", 6)).toBe("日本…");
    expect(cutMiddle("abcdefghij", 5)).toBe("ab…ij");
    expect(cutMiddle("日本語テキスト", 7)).toBe("日…スト");
    expect([cutEnd("abc", 0), cutMiddle("abc", 1), cutMiddle("abc", 3)]).toEqual(["", "…", "abc"]);
    expect(wrap("one two three", 8)).toEqual(["one two", "three"]);
  });
});

it("writes figures for people", () => {
  expect([0, 350, 2_400, 9_960, 80_000, 200_000, 7_500_000, 180_000_000].map(formatDuration)).toEqual([
    "0 ms",
    "350 ms",
    "2.4 s",
    "10 s",
    "1 min 20 s",
    "3 min 20 s",
    "2 h 5 min",
    "2 d 2 h",
  ]);
  const now = 1_800_000_000_000;
  expect(
    [0, 5_000, 150_000, -10_800_000, -7_199_000, 86_400_000].map((age) =>
      formatAgo(new Date(now - age), now),
    ),
  ).toEqual(["now", "5 s ago", "2 min ago", "in 3 h", "in 2 h", "1 d ago"]);
  expect([0, 0.004, 1 / 3, 45.6, 12_345].map(formatRate)).toEqual([
    "0/s",
    "<0.01/s",
    "0.33/s",
    "46/s",
    "12,345/s",
  ]);
  expect([0, 0.0001, 0.034, 0.5, 1].map(formatShare)).toEqual(["0 %", "0.1 %", "3.4 %", "50 %", "100 %"]);
  expect([0, 1_023, 1_536, 23_068_672].map(formatBytes)).toEqual(["0 B", "1020 B", "1.5 KB", "22 MB"]);
});

describe("a table", () => {
  const columns: readonly Column<readonly string[]>[] = [
    { title: "ID", text: ([id]) => id, cut: "middle", min: 8 },
    { title: "N", text: ([, n]) => n, align: "right" },
    { title: "NOTE", text: ([, , note]) => note, cut: "end", optional: 1 },
    { title: "MORE", text: ([, , , more]) => more, optional: 2 },
  ];
  const rows = [
    ["abcdefghijklmnop", "5", "a long note, longer than there is room", "1234567890"],
    ["b", "1,200", "", ""],
  ];

  function print(width: number | undefined): readonly string[] {
    const stdout = Object.assign(
      new PassThrough(),
      width === undefined ? {} : { isTTY: true, columns: width },
    );
    new Table(
      new Terminal({ stdin: new PassThrough(), stdout, stderr: new PassThrough(), env: { NO_COLOR: "1" } }),
      columns,
    ).print(rows);
    return String(stdout.read()).trimEnd().split("\n");
  }

  it("fits the terminal: texts are cut, then columns left out", () => {
    expect(print(50)).toEqual([
      "ID                  N  NOTE             MORE",
      "abcdefg…klmnop      5  a long note, l…  1234567890",
      "b               1,200",
    ]);
    for (const width of [20, 30, 40, 50, 60, 80]) {
      for (const line of print(width)) expect(widthOf(line)).toBeLessThanOrEqual(width);
    }
    expect(print(30)[0]).not.toContain("MORE");
    expect(print(16)[0]).not.toContain("NOTE");
  });

  it("is whole in a pipe", () => {
    expect(print(undefined)[1]).toBe(
      "abcdefghijklmnop      5  a long note, longer than there is room  1234567890",
    );
  });
});

it("gives words back the quotes that a shell took", () => {
  expect(queryText(["state:failed", "key:plan 9"])).toBe('state:failed key:"plan 9"');
  expect(queryText(["state:failed message:EMAIL"])).toBe("state:failed message:EMAIL");
  expect(queryText(["key:a b:c"])).toBe('key:"a b:c"');
  expect(queryText(['key:"plan 9" user:u1'])).toBe('key:"plan 9" user:u1');
});
