import type { Queue } from "@org/queue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EngineWatch } from "../../src/cli/engine-watch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const watching = (get: () => Promise<unknown>) => {
  const watch = new EngineWatch();
  watch.start({ get } as unknown as Queue);
  return watch;
};

test("an engine that doesn't answer is given up after four seconds", async () => {
  const watch = watching(() => new Promise(() => {}));
  const given = expect(watch.unreachable).rejects.toMatchObject({
    message: expect.stringContaining("hasn't answered within 4 s"),
    exitCode: 69,
  });
  await vi.advanceTimersByTimeAsync(4_000);
  await given;
  expect(watch.hasGivenUp).toBe(true);
});

test.each([
  ["an answer", () => Promise.resolve(null)],
  ["a refusal, which the command gets, too", () => Promise.reject(new Error("NOAUTH"))],
])("%s ends the watch", async (_, get) => {
  const watch = watching(get);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(watch.hasGivenUp).toBe(false);
});
