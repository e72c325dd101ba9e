import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { createQueue, createRegistry, defineMessage } from "../src/index.ts";
import { plan, planCreate, rejection, scan, setup } from "./runtime-support.ts";

/** Of a library whose schemas only validate. */
const doubled: StandardSchemaV1<number, string> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "number"
        ? { value: `${value}${value}` }
        : { issues: [{ message: "expected a number" }] },
  },
};

describe("sendWire", () => {
  it("sends data as it travels in JSON", async () => {
    const { queue } = setup();
    const job = await queue.sendWire(
      "PLAN_CREATE",
      { planId: "p1", startsAt: "2026-01-01T00:00:00.000Z" },
      { userId: "u1", attempts: 2 },
    );
    expect(await queue.get(job)).toMatchObject({
      messageType: "PLAN_CREATE",
      data: { planId: "p1", startsAt: new Date("2026-01-01T00:00:00.000Z") },
      userId: "u1",
      maxAttempts: 2,
    });
  });

  it("takes data of an older version", async () => {
    const { queue } = setup();
    const job = await queue.sendWire("SCAN", { channel: "general" }, { version: 1 });
    expect(await queue.get(job)).toMatchObject({
      version: 2,
      data: { channel: "general", direction: "backward" },
    });
    const newer = { channel: "general", direction: "forward" };
    expect(await rejection(queue.sendWire("SCAN", newer, { version: 3 }))).toMatchObject({
      code: "UNSUPPORTED_VERSION",
    });
  });

  it("passes what another library's schema validates on unchanged", async () => {
    const registry = createRegistry([defineMessage("DOUBLE", { data: doubled })]);
    await using queue = createQueue({ registry });
    expect(await queue.get(await queue.sendWire("DOUBLE", 4))).toMatchObject({ data: "44" });
    expect(await rejection(queue.sendWire("DOUBLE", "4"))).toMatchObject({ code: "INVALID_DATA" });
  });

  it.each([
    [
      "a name that is close to a message's",
      ["PLAN_CREATES", {}],
      "UNKNOWN_MESSAGE",
      "Did you mean PLAN_CREATE?",
    ],
    ["an unknown name", ["https://user:secret@host", {}], "UNKNOWN_MESSAGE", "The message a URL isn't in"],
    ["no name", [undefined, {}], "INVALID_OPTIONS", "expected a message's name, got undefined"],
    ["invalid data", ["PLAN_CREATE", { planId: "" }], "INVALID_DATA", "planId"],
    ["no data", ["PLAN_CREATE", undefined], "INVALID_DATA", "PLAN_CREATE"],
    ["a wrong version", ["SCAN", {}, { version: 0 }], "INVALID_OPTIONS", "version"],
    [
      "a misspelt option",
      ["SCAN", { channel: "a", direction: "forward" }, { userID: "u" }],
      "INVALID_OPTIONS",
      "userId",
    ],
  ])("refuses %s", async (_, args, code, text) => {
    const { queue } = setup();
    const error = await rejection(queue.sendWire(...(args as [string, unknown])));
    expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
  });
});

describe("getMany", () => {
  it("answers in the order given, with null for what isn't stored", async () => {
    const { queue } = setup();
    const first = await queue.send(planCreate, plan("a"));
    const second = await queue.send(scan, { channel: "b", direction: "forward" });
    const found = await queue.getMany([second, "nowhere", first.id, second]);
    expect(found.map((job) => job?.messageType)).toEqual(["SCAN", undefined, "PLAN_CREATE", "SCAN"]);
    expect(found[1]).toBeNull();
    expect(await queue.getMany([])).toEqual([]);
  });

  it("refuses what can't be jobs", async () => {
    const { queue } = setup();
    expect(await rejection(queue.getMany(["a b"]))).toMatchObject({ code: "INVALID_OPTIONS" });
    expect(await rejection(queue.getMany(Array(10_001).fill("a")))).toMatchObject({
      message: "One call takes at most 10,000 jobs, got 10,001.",
    });
  });
});

describe("parseWire", () => {
  it("answers what send takes, and sends nothing", async () => {
    const { queue } = setup();
    const data = await queue.parseWire("PLAN_CREATE", { planId: "p1", startsAt: "2026-01-01T00:00:00.000Z" });
    expect(data).toEqual({ planId: "p1", startsAt: new Date("2026-01-01T00:00:00.000Z") });
    expect((await queue.count()).count).toBe(0);
    await queue.send(planCreate, data);
  });

  it("upcasts data of an older version", async () => {
    const { queue } = setup();
    expect(await queue.parseWire("SCAN", { channel: "general" }, { version: 1 })).toEqual({
      channel: "general",
      direction: "backward",
    });
  });

  it("validates data of another library's schema", async () => {
    const registry = createRegistry([defineMessage("DOUBLE", { data: doubled })]);
    await using queue = createQueue({ registry });
    expect(await queue.parseWire("DOUBLE", 4)).toBe(4);
    expect(await rejection(queue.parseWire("DOUBLE", "4"))).toMatchObject({ code: "INVALID_DATA" });
  });

  it("rejects what can't be read", async () => {
    const { queue } = setup();
    expect(await rejection(queue.parseWire("PLAN_CREATE", { planId: 1 }))).toMatchObject({
      code: "INVALID_DATA",
      issues: expect.arrayContaining([expect.objectContaining({ path: "planId" })]),
    });
    expect(await rejection(queue.parseWire("PLAN", {}))).toMatchObject({ code: "UNKNOWN_MESSAGE" });
  });
});
