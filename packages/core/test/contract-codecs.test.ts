import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { defineMessage, isQueueError, type Message, type QueueError } from "../src/contract/index.ts";
import { findProblems } from "../src/contract/message-problems.ts";
import { decodeData, decodePayload, encodePayload } from "../src/contract/payload.ts";

const encode = async (message: Message, value: unknown) =>
  encodePayload("data", message.codecs.data, value, message.limits.data, "INVALID_DATA");
const decode = async (message: Message, json: string) =>
  decodePayload("data", message.codecs.data, json, message.limits.data, "INVALID_DATA");

async function errorOf(run: () => unknown): Promise<QueueError> {
  try {
    await run();
  } catch (error) {
    if (isQueueError(error)) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("codecs", () => {
  const isoDate = z.codec(z.iso.datetime(), z.date(), {
    decode: (text) => new Date(text),
    encode: (date) => date.toISOString(),
  });
  const bigint = z.codec(z.string().regex(/^-?\d+$/), z.bigint(), {
    decode: (text) => BigInt(text),
    encode: (value) => value.toString(),
  });
  const message = defineMessage("TIMES", { data: z.object({ at: isoDate, amount: bigint }) });

  test("dates and bigints survive JSON", async () => {
    expect(findProblems(message)).toEqual([]);
    const value = { at: new Date("2026-01-02T03:04:05.006Z"), amount: 2n ** 80n };
    const json = await encode(message, value);
    expect(JSON.parse(json)).toEqual({ at: "2026-01-02T03:04:05.006Z", amount: "1208925819614629174706176" });
    expect(await decode(message, json)).toEqual(value);
  });

  test("what a codec refuses is an issue with its path", async () => {
    const error = await errorOf(() => encode(message, { at: "yesterday", amount: 1n }));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.issues.map(({ path }) => path)).toEqual(["at"]);
  });

  test("a coerced date is sent as it is and received as a date", async () => {
    const coerced = defineMessage("COERCED", { data: z.object({ at: z.coerce.date() }) });
    expect(findProblems(coerced)).toEqual([]);
    const at = new Date("2026-01-02T03:04:05.006Z");
    expect(await decode(coerced, await encode(coerced, { at }))).toEqual({ at });
  });

  test("defaults are filled in on the receiving side", async () => {
    const defaulted = defineMessage("DEFAULTED", { data: z.object({ size: z.number().default(7) }) });
    expect(await decode(defaulted, "{}")).toEqual({ size: 7 });
  });

  test("a schema that throws is a problem with the value, not a crash", async () => {
    const thrower = defineMessage("THROWS", {
      data: z.string().refine(() => {
        throw new Error("the refinement broke");
      }),
    });
    const error = await errorOf(() => encode(thrower, "x"));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.message).toContain("the refinement broke");
  });

  test("an async check that rejects is a problem with the value, and nothing is left unawaited", async () => {
    const unawaited: unknown[] = [];
    const note = (error: unknown) => unawaited.push(error);
    process.on("unhandledRejection", note);
    const checked = defineMessage("CHECKED", {
      data: z.string().refine(async () => {
        throw new Error("the database is away");
      }),
    });
    // A value that is refused before its checks begin doesn't tell that they are async.
    expect((await errorOf(() => encode(checked, 5))).code).toBe("INVALID_DATA");
    expect((await errorOf(() => encode(checked, "x"))).message).toContain("the database is away");
    expect((await errorOf(() => decode(checked, '"x"'))).code).toBe("INVALID_DATA");
    // Nor does a codec's value that is read in the other direction.
    const away = () => Promise.reject(new Error("the database is away"));
    const parts = { decode: (text: string) => new Date(text), encode: (date: Date) => date.toISOString() };
    const dated = defineMessage("DATED", { data: z.codec(z.iso.datetime(), z.date().refine(away), parts) });
    expect((await errorOf(() => encode(dated, new Date(0)))).message).toContain("the database is away");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", note);
    expect(unawaited).toEqual([]);
  });

  test("bytes count as bytes, and an instance as what its codec makes of it", async () => {
    const bytes = z.codec(z.base64(), z.instanceof(Uint8Array), {
      decode: (text) => Uint8Array.from(Buffer.from(text, "base64")),
      encode: (value) => Buffer.from(value).toString("base64"),
    });
    const upload = defineMessage("UPLOAD", { data: z.object({ bytes }) });
    const sent = { bytes: new Uint8Array(100_000).fill(7) };
    expect(await decode(upload, await encode(upload, sent))).toEqual(sent);
    const error = await errorOf(() => encode(upload, { bytes: new Uint8Array(300_000) }));
    expect(error.code).toBe("PAYLOAD_TOO_LARGE");
  });

  test("async schemas work in both directions", async () => {
    const message = defineMessage("ASYNC", {
      data: z.object({ name: z.string().refine(async (name) => name !== "taken", "is taken") }),
    });
    expect(await decode(message, await encode(message, { name: "free" }))).toEqual({ name: "free" });
    // Again, now that the codec knows that the schema is async.
    expect(await decode(message, await encode(message, { name: "free" }))).toEqual({ name: "free" });
    const error = await errorOf(() => encode(message, { name: "taken" }));
    expect(error.issues).toEqual([{ path: "name", message: "is taken" }]);
    expect((await errorOf(() => decode(message, '{"name":"taken"}'))).code).toBe("INVALID_DATA");
  });
});

/** A Standard Schema of another library, as small as can be: text that is trimmed when parsed. */
const trimmed: StandardSchemaV1<string, string> = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value) =>
      typeof value === "string"
        ? { value: value.trim() }
        : { issues: [{ message: "expected text", path: ["name", { key: "first" }] }] },
  },
};

describe("schemas of other libraries", () => {
  test("the sender's value is validated and travels as it is; the receiver gets the output", async () => {
    const message = defineMessage("TRIMMED", { data: trimmed });
    expect(findProblems(message)).toEqual([]);
    const json = await encode(message, "  text ");
    expect(json).toBe('"  text "');
    expect(await decode(message, json)).toBe("text");
  });

  test("issues keep their paths", async () => {
    const error = await errorOf(() => encode(defineMessage("TRIMMED", { data: trimmed }), 7));
    expect(error.issues).toEqual([{ path: "name.first", message: "expected text" }]);
  });

  test("async ones work, and ones that throw don't crash", async () => {
    const vendor = { version: 1, vendor: "example" } as const;
    const later = defineMessage("LATER", {
      data: { "~standard": { ...vendor, validate: async (value: unknown) => ({ value }) } },
    });
    expect(await decode(later, await encode(later, { a: 1 }))).toEqual({ a: 1 });
    const broken = defineMessage("BROKEN", {
      data: {
        "~standard": {
          ...vendor,
          validate: () => {
            throw new Error("broken validator");
          },
        },
      },
    });
    expect((await errorOf(() => encode(broken, 1))).code).toBe("INVALID_DATA");
  });
});

describe("versions", () => {
  const message = defineMessage("SCAN", {
    version: 3,
    data: z.object({ channel: z.string(), direction: z.enum(["forward", "backward"]), limit: z.int() }),
    upcast: {
      1: (v1: { id: string }) => ({ channel: v1.id }),
      2: (v2: { channel: string }) => ({ ...v2, direction: "backward", limit: 100 }),
    },
  });
  const read = async (version: number, json: string) => decodeData(message, version, json);

  test("older data is upcast step by step, then validated", async () => {
    const current = { channel: "c", direction: "backward", limit: 100 };
    expect(await read(1, '{"id":"c"}')).toEqual(current);
    expect(await read(2, '{"channel":"c"}')).toEqual(current);
    expect(await read(3, JSON.stringify(current))).toEqual(current);
  });

  test("older data that the steps can't mend is invalid", async () => {
    expect((await errorOf(() => read(1, '{"id":7}'))).code).toBe("INVALID_DATA");
  });

  test("a newer version isn't guessed at", async () => {
    expect((await errorOf(() => read(4, "{}"))).code).toBe("UNSUPPORTED_VERSION");
  });

  test("a version older than the first step is unsupported", async () => {
    const late = defineMessage("LATE", { version: 3, data: z.object({}), upcast: { 2: (v: unknown) => v } });
    expect(findProblems(late)).toEqual([]);
    expect((await errorOf(() => decodeData(late, 1, "{}"))).code).toBe("UNSUPPORTED_VERSION");
  });

  test("a step that throws makes the data invalid, and keeps the cause", async () => {
    const cause = new Error("no such field");
    const broken = defineMessage("BROKEN", {
      version: 2,
      data: z.object({}),
      upcast: {
        1: () => {
          throw cause;
        },
      },
    });
    const error = await errorOf(() => decodeData(broken, 1, "{}"));
    expect(error.code).toBe("INVALID_DATA");
    expect(error.cause).toBe(cause);
  });
});
