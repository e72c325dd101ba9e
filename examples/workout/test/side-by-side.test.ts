import { expect, test } from "vitest";
import { mostAtOnce } from "../src/demo/ordering.ts";

test("consecutive runs never count as concurrent, however short", () => {
  expect(mostAtOnce([0, 1, 2].map((turn) => ({ from: turn, to: turn + 1 })))).toBe(1);
  expect(mostAtOnce([5, 5, 5].map((moment) => ({ from: moment, to: moment })))).toBe(0);
});

test("overlapping runs are counted together", () => {
  expect(
    mostAtOnce([
      { from: 0, to: 10 },
      { from: 4, to: 14 },
      { from: 9, to: 19 },
      { from: 14, to: 24 },
    ]),
  ).toBe(3);
});
