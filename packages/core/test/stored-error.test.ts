import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { describeThrown } from "../src/errors/thrown.ts";
import { readJobError } from "../src/queue/read/job-error.ts";
import { toStoredError } from "../src/worker/attempt/stored-error.ts";
import { runOnce } from "./runtime-support.ts";

const BRAND = Symbol.for("@org/queue/error");

/** An error that bears the mark of this package's errors. */
function branded(properties: object): Error {
  return Object.defineProperties(new Error("a"), {
    [BRAND]: { value: true },
    ...Object.getOwnPropertyDescriptors(properties),
  });
}

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const handler = (trap: () => never) => new Proxy({}, { get: () => trap });

describe("the stored error", () => {
  it("has the thrown error's name, stack and causes", async () => {
    const job = await runOnce(() => {
      throw new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") });
    });
    expect(job.error).toMatchObject({ code: "HANDLER_FAILED", name: "TypeError", message: "fetch failed" });
  });

  it("is shortened to its cap and stays JSON", async () => {
    const job = await runOnce(() => {
      throw new Error('"\u0000é\n'.repeat(10_000));
    });
    expect(job.error?.code).toBe("HANDLER_FAILED");
    expect(job.error?.message).toMatch(/…$/);
    expect(Buffer.byteLength(JSON.stringify(job.error))).toBeLessThanOrEqual(600);
  });

  const no = () => {
    throw new Error("no");
  };

  it.each<[string, () => unknown, string]>([
    ["text", () => "text", '"text"'],
    ["nothing", () => undefined, "undefined"],
    ["an object", () => ({ status: 500 }), '{"status":500}'],
    ["an object without a prototype", () => Object.create(null), "{}"],
    ["a symbol", () => Symbol("odd"), "Symbol(odd)"],
    ["what can't be JSON", () => ({ toJSON: no }), "a value that can't be shown"],
    ["an error without a message", () => new TypeError(), "TypeError"],
    [
      "an error whose message throws",
      () => Object.defineProperty(new Error(), "message", { get: no }),
      "Error",
    ],
    ["an error whose cause throws", () => Object.defineProperty(new Error("a"), "cause", { get: no }), "a"],
    [
      "an error that is its own cause",
      () =>
        Object.assign(new Error("a"), {
          get cause() {
            return this;
          },
        }),
      "a",
    ],
    ["an error whose brand throws", () => Object.defineProperty(new Error("a"), BRAND, { get: no }), "a"],
    [
      "an error whose code throws",
      () =>
        branded({
          get code() {
            return no();
          },
        }),
      "a",
    ],
    [
      "an error whose delay throws",
      () =>
        branded({
          code: "RETRY_AFTER",
          get delay() {
            return no();
          },
        }),
      "a",
    ],
    [
      "an error whose issues throw",
      () =>
        branded({
          code: "INVALID_DATA",
          get issues() {
            return no();
          },
        }),
      "a",
    ],
    ["an error of another realm", () => runInNewContext("new RangeError('a')"), "a"],
    ["a DOMException", () => new DOMException("a", "AbortError"), "a"],
    ["what has a toString that throws", () => ({ toString: no }), "{}"],
    [
      "what is circular",
      () => {
        const value: object[] = [];
        value.push(value);
        return value;
      },
      "shown",
    ],
    ["a proxy whose traps throw", () => new Proxy(new Error("a"), handler(no)), "shown"],
    ["a function that is a proxy whose traps throw", () => new Proxy(() => {}, handler(no)), "shown"],
    ["a revoked proxy", revokedProxy, "shown"],
  ])("can be of anything thrown, or rejected with: %s", async (_, make, shown) => {
    for (const fault of [
      () => {
        throw make();
      },
      () => Promise.reject(make()),
    ]) {
      const job = await runOnce(fault);
      expect(job.state).not.toBe("active");
      expect(job.error?.message).toContain(shown);
    }
  });

  it("has the inner errors of an AggregateError, the first ten, and its name for a message", async () => {
    const inner = Array.from({ length: 12 }, (_, index) => new RangeError(`inner ${index}`));
    const stored = toStoredError("HANDLER_FAILED", describeThrown(new AggregateError(inner)), 16_384);
    const { message, errors, stack } = readJobError(stored);
    expect(message).toBe("AggregateError");
    expect(errors).toHaveLength(10);
    expect(errors?.[9]).toEqual({ name: "RangeError", message: "inner 9" });
    expect(stack).toContain("Inner error: RangeError: inner 0");
  });

  it("keeps the inner errors and issues when only the stack is too long", () => {
    const errors = Array.from({ length: 10 }, (_, index) => ({
      name: "RangeError",
      message: `inner ${index}`,
    }));
    const issues = Array.from({ length: 20 }, (_, index) => ({
      path: `items.${index}`,
      message: "Required",
    }));
    const stack = "    at handle (/deep/folder/handler.ts:1:1)\n".repeat(1_000);
    const json = toStoredError(
      "HANDLER_FAILED",
      { name: "Error", message: "m", stack, errors, issues },
      16_384,
    );
    expect(JSON.parse(json)).toMatchObject({ errors, issues });
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(16_384);
  });

  it("follows causes and inner errors, each once", () => {
    const shared = new Error("shared");
    const error = new AggregateError([shared, new Error("b", { cause: shared })], "all", { cause: shared });
    const { stack } = readJobError(toStoredError("HANDLER_FAILED", describeThrown(error), 16_384));
    expect(stack!.match(/Error: shared/g)).toHaveLength(1);
    expect(stack).toContain("Inner error: Error: b");
  });

  it("is well-formed Unicode wherever it is cut", () => {
    for (let cap = 60; cap < 600; cap++) {
      const error = Object.assign(new Error("😀".repeat(500)), { name: `a${"😀".repeat(100)}` });
      const json = toStoredError("HANDLER_FAILED", describeThrown(error), cap);
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(cap);
      expect(json).not.toMatch(/\\ud[89a-f]/i);
    }
  });
});
