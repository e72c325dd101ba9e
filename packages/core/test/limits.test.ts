import { describe, expect, test } from "vitest";
import * as z from "zod";
import { DEFAULT_LIMITS, defineMessage, isQueueError } from "../src/contract/index.ts";
import { assertWithinLimits, fitsBytes, MAX_DEPTH, parseJson } from "../src/contract/limits.ts";
import { decodePayload, encodePayload } from "../src/contract/payload.ts";

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return isQueueError(error) ? error.code : `untyped: ${error}`;
  }
  return undefined;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = [value];
  return value;
}

describe("fitsBytes", () => {
  test.each([
    ["", 0, true],
    ["abc", 3, true],
    ["abcd", 3, false],
    ["é", 2, true],
    ["é", 1, false],
    ["€€", 6, true],
    ["€€", 5, false],
    ["🏋️", 7, true],
    ["🏋️", 6, false],
    ["x".repeat(1_000), 1_000, true],
    ["é".repeat(1_000), 1_999, false],
  ])("%j in %d bytes: %s", (text, cap, fits) => {
    expect(fitsBytes(text, cap)).toBe(fits);
  });
});

describe("values", () => {
  test("nested as deep as allowed pass, one deeper doesn't", () => {
    expect(codeOf(() => assertWithinLimits("data", nested(MAX_DEPTH), 10_000))).toBe(undefined);
    expect(codeOf(() => assertWithinLimits("data", nested(MAX_DEPTH + 2), 10_000))).toBe("PAYLOAD_TOO_LARGE");
  });

  test("a circular one is circular, not an endless walk", () => {
    const value: Record<string, unknown> = {};
    value.self = value;
    expect(codeOf(() => assertWithinLimits("data", value, 1_000_000))).toBe("INVALID_DATA");
  });

  test("a huge sparse array is refused without walking to its end", () => {
    expect(codeOf(() => assertWithinLimits("data", new Array(2 ** 32 - 1), 262_144))).toBe(
      "PAYLOAD_TOO_LARGE",
    );
  });

  test("a __proto__ key is refused with its path", () => {
    try {
      assertWithinLimits("data", JSON.parse('{"a":[{"__proto__":1}]}'), 1_000);
      expect.unreachable();
    } catch (error) {
      expect(isQueueError(error, "INVALID_DATA") && error.issues).toEqual([
        { path: "a.0.__proto__", message: "the key __proto__ is not allowed" },
      ]);
    }
  });

  test("what JSON leaves out doesn't count", () => {
    const value = { skipped: () => "x".repeat(1_000), also: undefined };
    expect(codeOf(() => assertWithinLimits("data", value, 10))).toBe(undefined);
  });
});

describe("texts", () => {
  test("are capped by bytes, before they are parsed", () => {
    expect(parseJson("data", '"é"', 4)).toBe("é");
    expect(codeOf(() => parseJson("data", '"é"', 3))).toBe("PAYLOAD_TOO_LARGE");
    expect(codeOf(() => parseJson("data", "not JSON, and too long", 5))).toBe("PAYLOAD_TOO_LARGE");
    expect(codeOf(() => parseJson("data", "not JSON", 50))).toBe("INVALID_DATA");
  });

  test("may say __proto__ in a value, however it is spelt, and not as a key", () => {
    expect(parseJson("data", '{"text":"__proto__"}', 100)).toEqual({ text: "__proto__" });
    expect(parseJson("data", '{"text":"\\u005f_proto__"}', 100)).toEqual({ text: "__proto__" });
    expect(codeOf(() => parseJson("data", '{"__proto__":1}', 100))).toBe("INVALID_DATA");
    expect(codeOf(() => parseJson("data", '{"\\u005f_proto__":1}', 100))).toBe("INVALID_DATA");
  });

  test("with many brackets pass when they aren't deep", () => {
    const text = JSON.stringify(Array.from({ length: 1_000 }, () => [[]]));
    expect(parseJson("data", text, 100_000)).toHaveLength(1_000);
    expect(codeOf(() => parseJson("data", JSON.stringify(nested(200)), 100_000))).toBe("PAYLOAD_TOO_LARGE");
  });
});

describe("payloads", () => {
  let asked = 0;
  const message = defineMessage("CAPPED", {
    data: z.object({
      text: z.string().refine(() => {
        asked++;
        return true;
      }),
    }),
    limits: { data: 100 },
  });
  const encode = (text: string) =>
    encodePayload("data", message.codecs.data, { text }, message.limits.data, "INVALID_DATA");
  const decode = (json: string) =>
    decodePayload("data", message.codecs.data, json, message.limits.data, "INVALID_DATA");

  test("are capped by the message's own limits, the others by default", () => {
    expect(message.limits).toEqual({ ...DEFAULT_LIMITS, data: 100 });
    expect(encode("x".repeat(80))).toBe(`{"text":"${"x".repeat(80)}"}`);
  });

  test("are refused before their schema is asked", () => {
    asked = 0;
    expect(codeOf(() => encode("x".repeat(200)))).toBe("PAYLOAD_TOO_LARGE");
    expect(codeOf(() => decode(`{"text":"${"x".repeat(200)}"}`))).toBe("PAYLOAD_TOO_LARGE");
    expect(asked).toBe(0);
  });

  test("are capped as the bytes that travel, also where the value looked small enough", () => {
    expect(codeOf(() => encode("é".repeat(60)))).toBe("PAYLOAD_TOO_LARGE");
    expect(codeOf(() => encode('"'.repeat(60)))).toBe("PAYLOAD_TOO_LARGE");
  });

  test("that are circular are refused as circular, whatever their size, and a repeat isn't a circle", () => {
    const circle: Record<string, unknown> = { list: [] };
    (circle.list as unknown[]).push({ back: circle });
    const large = { text: "x".repeat(10_000), self: {} as unknown };
    large.self = large;
    const anything = defineMessage("ANY", { data: z.any() });
    const send = (value: unknown, code: "INVALID_DATA" | "INVALID_RESULT" = "INVALID_DATA") =>
      encodePayload("data", anything.codecs.data, value, 20_000, code);
    for (const [value, path] of [
      [circle, "list.0.back"],
      [large, "self"],
    ]) {
      expect(() => send(value)).toThrow(/circular/);
      expect(codeOf(() => send(value))).toBe("INVALID_DATA");
      expect(codeOf(() => send(value, "INVALID_RESULT"))).toBe("INVALID_RESULT");
      expect(() => send(value)).toThrow(String(path));
    }
    const part = { a: 1 };
    expect(send({ one: part, two: part, three: [part, part] })).toContain("three");
    expect(codeOf(() => send(Array.from({ length: 30 }, () => ["x".repeat(1_000)])))).toBe(
      "PAYLOAD_TOO_LARGE",
    );
  });

  test("that JSON can't carry are refused", () => {
    const anything = defineMessage("ANY", { data: z.any() });
    const send = (value: unknown) =>
      encodePayload("data", anything.codecs.data, value, 1_000, "INVALID_DATA");
    for (const value of [() => 1, Symbol("s"), 1n, { n: 1n }]) {
      expect(codeOf(() => send(value))).toBe("INVALID_DATA");
    }
  });
});
