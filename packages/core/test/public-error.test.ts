import { describe, expect, it, test } from "vitest";
import {
  DependencyNotFoundError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorCodeEntry,
  publicError,
  QueueError,
} from "../src/index.ts";

const NEUTRAL = { code: "INTERNAL_ERROR", message: "Something went wrong. Try again later." };
const entries = Object.entries<ErrorCodeEntry>(ERROR_CODES) as [ErrorCode, ErrorCodeEntry][];

describe("the table of error codes", () => {
  test.each(entries)("%s says what clients may see", (_, { exposure, status, publicMessage }) => {
    expect(["public", "internal"]).toContain(exposure);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    // Only the sender's own mistakes are the client's.
    if (exposure === "internal") expect(status).toBeGreaterThanOrEqual(500);
    expect(publicMessage).toMatch(/^[A-Z][^`"]+\.$/);
    // No internals: no address, no code, no name of a part of the system.
    expect(publicMessage).not.toMatch(
      /[_:/@]|\b(redis|postgres|engine|worker|queue|lease|schema|handler|registry)\b/i,
    );
  });

  test.each(entries)("%s is retryable exactly when the table says so", (code, { retryable }) => {
    expect(new QueueError(code, "Some text").retryable).toBe(retryable);
  });
});

describe("publicError", () => {
  test.each(entries)("%s shows its sentence, or nothing of itself", (code, entry) => {
    const shown = publicError(new QueueError(code, "redis://user:secret@10.0.0.1 refused job-7f3a"));
    expect(JSON.stringify(shown)).not.toMatch(/secret|7f3a/);
    expect(shown).toEqual(
      entry.exposure === "public"
        ? { code, message: entry.publicMessage, status: entry.status }
        : { ...NEUTRAL, status: entry.status },
    );
  });

  it("keeps the issues of invalid data", async () => {
    const issues = [{ path: "email", message: "Invalid email address" }];
    const error = new QueueError("INVALID_DATA", "The data of SIGN_UP is invalid: …", { issues });
    expect(publicError(error)).toEqual({
      code: "INVALID_DATA",
      message: "Some of the data is invalid.",
      status: 422,
      issues,
    });
    expect(publicError(new QueueError("INVALID_OPTIONS", "send: …", { issues }))).not.toHaveProperty(
      "issues",
    );
  });

  it("names no id of another job", () => {
    expect(JSON.stringify(publicError(new DependencyNotFoundError(["other-job"])))).not.toContain(
      "other-job",
    );
  });

  it.each([
    ["an error of the app", new Error("password authentication failed for user admin")],
    ["a text", "secret"],
    ["nothing", undefined],
    ["an aborted signal's reason", AbortSignal.abort().reason],
    ["a proxy", Proxy.revocable({}, {}).proxy],
    [
      "a code of a later version",
      Object.assign(Object.defineProperty(new Error("x"), Symbol.for("@org/queue/error"), { value: true }), {
        code: "FROM_THE_FUTURE",
      }),
    ],
    [
      "a code that can't be read",
      Object.defineProperties(new Error("x"), {
        [Symbol.for("@org/queue/error")]: { value: true },
        code: {
          get() {
            throw new Error("no");
          },
        },
      }),
    ],
    [
      "a code that is a member of every object",
      Object.assign(Object.defineProperty(new Error("x"), Symbol.for("@org/queue/error"), { value: true }), {
        code: "constructor",
      }),
    ],
  ])("answers a neutral error for %s", (_, thrown) => {
    expect(publicError(thrown)).toEqual({ ...NEUTRAL, status: 500 });
  });

  it("recognises the errors of another copy of this package", () => {
    const foreign = Object.assign(
      Object.defineProperty(new Error("x"), Symbol.for("@org/queue/error"), { value: true }),
      { code: "JOB_NOT_FOUND" },
    );
    expect(publicError(foreign)).toMatchObject({ code: "JOB_NOT_FOUND", status: 404 });
  });
});
