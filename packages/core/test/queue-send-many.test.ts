import { describe, expect, it } from "vitest";
import type { SendItem } from "../src/index.ts";
import { type Messages, phaseCreate, plan, planCreate, rejection, setup } from "./runtime-support.ts";

describe("sendMany", () => {
  it("stores a batch in one go, with references in both directions, and answers in order", async () => {
    const { queue, flaky } = setup();
    const [phase, created] = await queue.sendMany([
      {
        message: phaseCreate,
        data: { planId: "p1", index: 0 },
        options: { dependsOn: [{ ref: "plan", onFailure: "hold" }] },
      },
      { ref: "plan", message: planCreate, data: plan(), options: { userId: "u1" } },
    ]);
    expect(flaky.count("enqueue")).toBe(1);
    expect([phase.messageType, created.messageType]).toEqual(["PHASE_CREATE", "PLAN_CREATE"]);
    expect(await queue.get(phase)).toMatchObject({
      state: "blocked",
      dependsOn: [{ job: created.id, onFailure: "hold" }],
    });
    expect(await queue.get(created)).toMatchObject({ state: "queued", userId: "u1" });
  });

  it("may depend on jobs from before as well", async () => {
    const { queue } = setup();
    const before = await queue.send(planCreate, plan());
    const [phase] = await queue.sendMany([
      { message: phaseCreate, data: { planId: "p1", index: 0 }, options: { dependsOn: [before] } },
    ]);
    expect((await queue.get(phase))?.state).toBe("blocked");
  });

  it("refuses more dependencies than one step stores", async () => {
    const { queue, flaky } = setup();
    const dependsOn = Array.from({ length: 101 }, (_, index) => `before-${index}`);
    const items = Array.from({ length: 100 }, () => ({
      message: planCreate,
      data: plan(),
      options: { dependsOn },
    }));
    const error = await rejection(queue.sendMany(items));
    expect(error.code).toBe("INVALID_OPTIONS");
    expect(error.message).toContain("10,000 dependencies in all, got 10,100");
    expect(flaky.count("enqueue")).toBe(0);
  });

  it("tells of every invalid item in one error, by index, and stores nothing", async () => {
    const { queue, flaky } = setup();
    const items: unknown[] = [
      { ref: "a", message: planCreate, data: { planId: "" } },
      { ref: "a", message: planCreate, data: plan() },
      { message: planCreate, data: plan(), options: { dependsOn: [{ ref: "nobody" }] } },
      { message: planCreate, data: plan(), options: { delay: "soon" } },
      { message: planCreate, data: plan(), extra: 1 },
      { message: { name: "STRANGER" }, data: {} },
      { message: planCreate, data: plan() },
    ];
    const error = await rejection(queue.sendMany(items as SendItem<Messages>[]));
    expect(error.code).toBe("INVALID_OPTIONS");
    expect(error.issues).toMatchObject([
      { path: "0.data.planId" },
      { path: "1.ref", message: 'another item has the ref "a" already' },
      { path: "2.options.dependsOn", message: 'no item has the ref "nobody"' },
      { path: "3.options.delay" },
      { path: "4", message: 'unknown option "extra": the options are ref, message, data, options' },
      { path: "5", message: expect.stringContaining("STRANGER") },
    ]);
    expect(error.message).toContain("6 of 7 items");
    expect(flaky.count("enqueue")).toBe(0);
  });

  it("takes what is undefined as left out, and refs of 1 to 128 characters", async () => {
    const { queue } = setup();
    const item = { message: planCreate, data: plan() };
    const longest = "r".repeat(128);
    const dependent = { ...item, ref: "r", options: { dependsOn: [{ ref: longest }] } };
    const handles = await queue.sendMany([
      { ...item, ref: undefined, options: undefined },
      { ...item, ref: longest },
      dependent,
    ]);
    expect(handles.map(({ created }) => created)).toEqual([true, true, true]);

    const wrong: unknown[] = [
      { ...item, ref: "" },
      { ...item, ref: `${longest}r` },
      { ...item, ref: 1 },
      { message: planCreate },
    ];
    const error = await rejection(queue.sendMany(wrong as SendItem<Messages>[]));
    expect(error.issues.map(({ path }) => path)).toEqual(["0.ref", "1.ref", "2.ref", "3.data"]);
  });

  it("says INVALID_DATA when only data is wrong", async () => {
    const { queue } = setup();
    const error = await rejection(
      queue.sendMany([
        { message: planCreate, data: plan() },
        { message: planCreate, data: plan("") },
        { message: planCreate, data: plan("") },
      ]),
    );
    expect(error).toMatchObject({
      code: "INVALID_DATA",
      issues: [{ path: "1.data.planId" }, { path: "2.data.planId" }],
    });
  });

  it("refuses a cycle, naming its refs", async () => {
    const { queue } = setup();
    const error = await rejection(
      queue.sendMany([
        { ref: "a", message: planCreate, data: plan(), options: { dependsOn: [{ ref: "b" }] } },
        { ref: "b", message: planCreate, data: plan(), options: { dependsOn: [{ ref: "a" }] } },
      ]),
    );
    expect(error.code).toBe("DEPENDENCY_CYCLE");
    expect(error.message).toMatch(/a → b → a|b → a → b/);
    expect((await queue.stats()).totals.states.blocked).toBe(0);
  });

  it("refuses a cycle that an ordering key closes", async () => {
    const { queue } = setup();
    const error = await rejection(
      queue.sendMany([
        {
          ref: "first",
          message: phaseCreate,
          data: { planId: "p1", index: 0 },
          options: { dependsOn: [{ ref: "second" }] },
        },
        { ref: "second", message: phaseCreate, data: { planId: "p1", index: 1 } },
      ]),
    );
    expect(error.code).toBe("DEPENDENCY_CYCLE");
    expect(error.message).toMatch(/first.*second|second.*first/);
  });

  it("takes up to 10,000 items and none at all", async () => {
    const { queue, flaky } = setup();
    expect(await queue.sendMany([])).toEqual([]);
    expect(flaky.count("enqueue")).toBe(0);
    const items = Array.from({ length: 10_000 }, () => ({ message: planCreate, data: plan() }));
    expect(await queue.sendMany(items)).toHaveLength(10_000);
    const error = await rejection(queue.sendMany([...items, ...items.slice(0, 1)]));
    expect(error).toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringContaining("10,000") });
  });
});
