import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_LIMITS, isQueueError, parseEnvelope } from "../src/contract/index.ts";
import { hasProtoKey, hostileText, replayParameters } from "../src/testing/model/index.ts";

/** What it came to: a value, or one of this library's errors. Anything else is thrown on. */
async function outcomeOf<T>(run: () => T | Promise<T>): Promise<{ value: T } | { code: string }> {
  try {
    return { value: await run() };
  } catch (error) {
    if (isQueueError(error)) return { code: error.code };
    throw new Error(`Not an error of this library: ${String(error)}`, { cause: error });
  }
}

const parameters = (numRuns: number) => ({ numRuns, ...replayParameters() });

const validEnvelope = {
  id: "job-1",
  messageType: "STRICT",
  version: 1,
  timestamp: "2026-01-01T00:00:00.000Z",
  userId: "user-1",
  metadata: { tenant: "t" },
  data: { planId: "x" },
  traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
};

describe("malformed envelopes", { timeout: 60_000 }, () => {
  const limits = { data: DEFAULT_LIMITS.data, metadata: DEFAULT_LIMITS.metadata };
  const field = fc.constantFrom(...(Object.keys(validEnvelope) as (keyof typeof validEnvelope)[]));

  test("a valid one is read as it is", () => {
    expect(parseEnvelope(JSON.stringify(validEnvelope), limits)).toEqual(validEnvelope);
  });

  test("one without data carries undefined", () => {
    const { data: _none, ...rest } = validEnvelope;
    expect(parseEnvelope(JSON.stringify(rest), limits)).toEqual(rest);
  });

  test("1,000 with one field replaced give a typed error, or an envelope of the right shape", async () => {
    await fc.assert(
      fc.asyncProperty(field, hostileText, async (name, json) => {
        const { [name]: _replaced, ...rest } = validEnvelope;
        const text = `{${JSON.stringify(rest).slice(1, -1)},"${name}":${json}}`;
        const outcome = await outcomeOf(() => parseEnvelope(text, limits));
        if ("code" in outcome) {
          expect(outcome.code).toMatch(/^(INVALID_DATA|PAYLOAD_TOO_LARGE)$/);
          return;
        }
        expect(hasProtoKey(outcome.value)).toBe(false);
        expect(outcome.value.id).toMatch(/^[A-Za-z0-9_.:-]{1,128}$/);
        expect(outcome.value.version).toBeGreaterThanOrEqual(1);
      }),
      parameters(1_000),
    );
  });

  test("1,000 texts that are no envelope at all give a typed error", async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, async (text) => {
        const outcome = await outcomeOf(() => parseEnvelope(text, limits));
        expect(outcome).toHaveProperty("code");
      }),
      parameters(1_000),
    );
  });

  test.each<[string, Record<string, unknown>]>([
    ["an unknown field", { color: "red" }],
    ["an id with a slash", { id: "a/b" }],
    ["an empty id", { id: "" }],
    ["an id that is too long", { id: "x".repeat(129) }],
    ["a message type with a space", { messageType: "MY PLAN" }],
    ["version 0", { version: 0 }],
    ["a version as text", { version: "1" }],
    ["a timestamp that is none", { timestamp: "yesterday" }],
    ["a timestamp without an offset", { timestamp: "2026-01-01T00:00:00" }],
    ["an empty user id", { userId: "" }],
    ["metadata that is a list", { metadata: [] }],
    ["metadata that is too large", { metadata: { text: "x".repeat(17_000) } }],
    ["data that is too large", { data: "x".repeat(262_200) }],
    ["a trace context that is too long", { traceparent: "0".repeat(257) }],
  ])("%s is refused", async (_what, change) => {
    const text = JSON.stringify({ ...validEnvelope, ...change });
    expect(await outcomeOf(() => parseEnvelope(text, limits))).toHaveProperty("code");
  });

  test.each(
    Object.keys(validEnvelope).filter(
      (name) => !["userId", "metadata", "traceparent", "data"].includes(name),
    ),
  )("one without %s is refused", async (name) => {
    const text = JSON.stringify({ ...validEnvelope, [name]: undefined });
    expect(await outcomeOf(() => parseEnvelope(text, limits))).toHaveProperty("code");
  });
});
