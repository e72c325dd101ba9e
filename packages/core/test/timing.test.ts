import { describe, expect, it } from "vitest";
import { FakeClock } from "../src/testing/index.ts";
import { backoffDelay } from "../src/timing/backoff.ts";
import { Deadline } from "../src/timing/deadline.ts";
import { fulfillsWithin, withTimeout } from "../src/timing/with-timeout.ts";
import { Gate, rejection } from "./runtime-support.ts";

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

describe("withTimeout", () => {
  const createError = (milliseconds: number) => new Error(`nothing for ${milliseconds} ms`);

  it("passes on what comes in time", async () => {
    const clock = new FakeClock();
    const options = { milliseconds: 50, createError, clock };
    expect(await withTimeout(Promise.resolve(1), options)).toBe(1);
    expect(await rejection(withTimeout(Promise.reject(new Error("no")), options))).toMatchObject({
      message: "no",
    });
    expect(clock.nextTimer).toBeUndefined();
  });

  it("rejects when the time is over, and hands a late value on", async () => {
    const clock = new FakeClock();
    const late: number[] = [];
    const gate = new Gate<number>();
    const onLate = (value: number) => void late.push(value);
    const failure = rejection(withTimeout(gate.wait(), { milliseconds: 50, createError, onLate, clock }));
    await clock.advance(50);
    expect(await failure).toMatchObject({ message: "nothing for 50 ms" });
    gate.open(7);
    await clock.advance(0);
    expect(late).toEqual([7]);
  });
});

describe("fulfillsWithin", () => {
  it("tells whether it did", async () => {
    const clock = new FakeClock();
    expect(await fulfillsWithin(Promise.resolve(), 50, clock)).toBe(true);
    const late = fulfillsWithin(new Promise(() => {}), 50, clock);
    await clock.advance(50);
    expect(await late).toBe(false);
    expect(await rejection(fulfillsWithin(Promise.reject(new Error("no")), 50, clock))).toMatchObject({
      message: "no",
    });
  });
});

describe("Deadline", () => {
  it("rejects all pending calls when it expires, and limits none after that", async () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock);
    const failures = [100, 200].map((limit) => rejection(deadline.limit(new Promise(() => {}), limit)));
    deadline.expire();
    expect(await Promise.all(failures)).toMatchObject([
      { code: "ENGINE_UNAVAILABLE", message: "The engine didn't answer within 100 ms." },
      { code: "ENGINE_UNAVAILABLE" },
    ]);
    expect(await deadline.limit(Promise.resolve(1), 100)).toBe(1);
    expect(clock.nextTimer).toBeUndefined();
  });
});
