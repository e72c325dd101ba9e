import { expect, test, vi } from "vitest";
import { opening, whatIsOpening } from "../../src/config/opening.ts";

test("what is opening is known until it ends, also when it fails", async () => {
  let finish = () => {};
  const inner = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const work = opening("outer", () => opening("inner", () => inner).then(() => whatIsOpening()));
  expect(whatIsOpening()).toBe("inner");
  finish();
  expect(await work).toBe("outer");
  await expect(opening("failing", () => Promise.reject(new Error("x")))).rejects.toThrow("x");
  expect(whatIsOpening()).toBeUndefined();
});

test("what takes a minute is refused", async () => {
  vi.useFakeTimers();
  const refused = expect(opening("queue.config.ts", () => new Promise(() => {}))).rejects.toMatchObject({
    message: "queue.config.ts hasn't finished within 60 s: what it awaits never comes.",
    exitCode: 78,
  });
  await vi.advanceTimersByTimeAsync(60_000);
  await refused;
  vi.useRealTimers();
});
