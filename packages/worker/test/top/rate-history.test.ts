import type { QueueMetrics } from "@org/queue";
import { expect, it } from "vitest";
import { RateHistory } from "../../src/cli/top/rate-history.ts";

const MINUTE = 60_000;
const START = 1_000 * MINUTE;

function bucket(minute: number, completed: number, queue = "mail"): QueueMetrics {
  const none = { sent: 0, failed: 0, cancelled: 0, retried: 0, stalled: 0, waiting: [], running: [] };
  return { ...none, queue, minute: new Date(START + minute * MINUTE), completed };
}

it("begins with the rates of the minutes before it", () => {
  const history = new RateHistory();
  expect(history.since(START + 30_000)).toEqual(new Date(START - 15 * MINUTE));
  history.add([bucket(-3, 600), bucket(-1, 60, "reports"), bucket(0, 30)], START + 30_000);
  expect(history.bars("completed", 24)).toEqual([
    ...Array.from({ length: 3 }, () => 0),
    ...Array.from({ length: 6 }, () => 10),
    ...Array.from({ length: 6 }, () => 0),
    ...Array.from({ length: 6 }, () => 1),
    ...Array.from({ length: 3 }, () => 1),
  ]);
  expect(history.rate("completed")).toBeCloseTo(1);
  expect(history.rate("failed")).toBe(0);
});

it("tells the rate of the last seconds from one reading to the next", () => {
  const history = new RateHistory();
  history.add([bucket(0, 6_000)], START + 50_000);
  history.add([bucket(0, 6_020)], START + 52_000);
  expect([history.rate("completed"), history.ended("mail"), history.ended("reports")]).toEqual([10, 10, 0]);
  // A minute that ended between two readings counts with what came in late.
  history.add([bucket(0, 6_060), bucket(1, 20, "reports")], START + 62_000);
  expect(history.since(START + 62_000)).toEqual(new Date(START));
  expect([history.rate("completed"), history.ended("reports")]).toEqual([6, 2]);
});

it("stays at nothing when counts are lost, and over a long time", () => {
  const history = new RateHistory();
  history.add([bucket(0, 500)], START + 1_000);
  history.add([], START + 3_000);
  history.add([bucket(0, 3)], START + 5_000);
  expect(history.rate("completed")).toBe(0);
  for (let second = 0; second < 3_600; second += 10) {
    history.add([bucket(1 + Math.floor(second / 60), second % 60)], START + MINUTE + second * 1_000);
  }
  expect(history.rate("completed")).toBeCloseTo(1);
});
