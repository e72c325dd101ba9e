import { describe, expect, it } from "vitest";
import { backoffDelay } from "../src/timing/backoff.ts";

describe("backoffDelay", () => {
  it("doubles with each failure, up to its bound", () => {
    const policy = { first: 50, max: 300 };
    expect([1, 2, 3, 4, 5].map((failures) => backoffDelay(policy, failures))).toEqual([
      50, 100, 200, 300, 300,
    ]);
    expect(backoffDelay(policy, 1_000_000)).toBe(300);
    expect(backoffDelay({ first: 0, max: 300 }, 1_000_000)).toBe(0);
  });

  it("takes off a random share", () => {
    const policy = { first: 100, max: 300, jitter: 0.5 };
    expect(backoffDelay(policy, 2, () => 0)).toBe(200);
    expect(backoffDelay(policy, 2, () => 1)).toBe(100);
  });
});
