import { expect, it } from "vitest";
import { runLoad } from "./load/run-load.ts";

it("200 clients get 500 changes a second at once, and leave nothing behind", {
  timeout: 90_000,
}, async () => {
  const report = await runLoad({
    clients: 200,
    jobs: 2_000,
    followed: 50,
    rate: 500,
    duration: 10_000,
    // So that each client opens its stream anew in between.
    lifetime: 5_000,
  });
  // Each change of a job is sent to five clients on average.
  expect(report.made).toBeGreaterThan(4_000);
  expect(report.received).toBeGreaterThan(report.made * 4);
  // 110 ms on an idle machine.
  expect(report.p95).toBeLessThan(1_000);
  const [first = 0] = report.heap;
  expect(Math.max(...report.heap)).toBeLessThan(first * 1.5);
  expect(report.left).toEqual({ streams: 0, connections: 0 });
});
