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
    duration: 20_000,
    lifetime: 10_000,
  });
  // Each change of a job is sent to five clients on average.
  expect(report.made).toBeGreaterThan(8_000);
  expect(report.received).toBeGreaterThan(report.made * 4);
  expect(report.p95).toBeLessThan(250);
  const [first = 0] = report.heap;
  expect(Math.max(...report.heap)).toBeLessThan(first * 1.5);
  expect(report.left).toEqual({ streams: 0, connections: 0 });
});
