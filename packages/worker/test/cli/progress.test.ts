import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Progress } from "../../src/cli/progress.ts";
import { Terminal } from "../../src/cli/terminal.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

function open(isTTY: boolean, columns = 80) {
  const stdout = Object.assign(new PassThrough(), { columns });
  const stderr = Object.assign(new PassThrough({ encoding: "utf8" }), { isTTY });
  const terminal = new Terminal({ stdin: new PassThrough(), stdout, stderr, env: {} });
  return { terminal, printed: () => (stderr.read() as string | null) ?? "" };
}

it("rewrites one line of a terminal, and clears it at the end", () => {
  const { terminal, printed } = open(true);
  const progress = new Progress(terminal, "Retried", { count: 100_000, isExact: true });
  progress.update(500);
  expect(printed()).toBe("");
  vi.advanceTimersByTime(2_000);
  progress.update(19_990, 20_000);
  progress.update(20_490, 20_500);
  expect(printed()).toBe("\rRetried 19,990 of 100,000, 10,000/s, 8 s left\u001b[K");
  progress.end();
  expect(printed()).toBe("\r\u001b[K");
});

it("fits a narrow terminal", () => {
  const { terminal, printed } = open(true, 20);
  const progress = new Progress(terminal, "Retried", { count: 100_000, isExact: true });
  vi.advanceTimersByTime(200);
  progress.update(2_000);
  expect(printed()).toBe("\rRetried 2,000 of 1…\u001b[K");
});

it("gives a pipe a line every few seconds", () => {
  const { terminal, printed } = open(false);
  const progress = new Progress(terminal, "Removed", { count: 10_000, isExact: false });
  for (let done = 1_000; done <= 12_000; done += 1_000) {
    vi.advanceTimersByTime(1_000);
    progress.update(done);
  }
  progress.end();
  expect(printed()).toBe("Removed 5,000 of at least 10,000, 1,000/s\nRemoved 10,000, 1,000/s\n");
});
