import { describe, expect, it } from "vitest";
import type { JobFilterOptions } from "../src/index.ts";
import {
  Gate,
  phaseCreate,
  plan,
  planCreate,
  RecordingLogger,
  rejection,
  type scan,
  setup,
} from "./runtime-support.ts";

type Filter = JobFilterOptions<typeof planCreate | typeof scan>;

describe("operations by filter", () => {
  it("run as the docs show", async () => {
    const { queue, start, settle } = setup();
    const worker = await start({
      PLAN_CREATE: () => {
        throw new Error("broken");
      },
    });
    for (const n of [1, 2, 3]) await queue.send(planCreate, plan(`p${n}`), { attempts: 1 });
    await settle();
    await worker.stop();
    const lines: string[] = [];
    const filter = { state: "failed", message: planCreate } as const;
    const { count, isExact } = await queue.count(filter);
    let retried = 0;
    let cursor: string | undefined;
    do {
      const step = await queue.retryMatching(filter, { cursor });
      retried += step.changed;
      cursor = step.cursor;
      lines.push(`${retried} of ${isExact ? "" : "at least "}${count}`);
    } while (cursor !== undefined);
    expect(lines).toEqual(["3 of 3"]);
    expect(await queue.count({ state: "queued" })).toEqual({ count: 3, isExact: true });
    await queue.pause("plans");
    expect(await queue.drain("plans", { scheduled: true })).toBe(3);
    expect(await queue.obliterate("plans", { force: true })).toBe(0);
  });

  it("refuse what selects nothing or everything, and cursors of others", async () => {
    const { queue } = setup();
    for (const n of [1, 2]) await queue.send(planCreate, plan(`p${n}`));
    const { cursor } = await queue.cancelMatching({ queue: "plans" }, { limit: 1 });
    const refusals: readonly [Promise<unknown>, string][] = [
      [
        queue.removeMatching({}),
        "removeMatching: the filter has no condition, so it would select every job.",
      ],
      [
        queue.retryMatching({ state: ["queued"] }),
        "retryMatching: only failed and cancelled jobs can be retried",
      ],
      [queue.promoteMatching({ state: "failed" }), "promoteMatching: only scheduled jobs can be promoted"],
      [queue.cancelMatching({ state: "completed" }), "only jobs that haven't ended can be cancelled"],
      [queue.removeMatching({ state: "active" }), "active jobs are removed only with `force`"],
      [
        queue.cancelMatching({ queue: "phases" }, { cursor }),
        "cancelMatching: the cursor belongs to another filter.",
      ],
      [queue.retryMatching({ queue: "plan" }), 'There is no queue "plan".'],
      [queue.retryMatching({ queue: "plans" }, { limit: 1_001 }), "limit"],
      [queue.drain("plan"), 'There is no queue "plan".'],
      [queue.obliterate("plans", { forced: true } as never), "forced"],
    ];
    for (const [refused, text] of refusals) expect((await rejection(refused)).message).toContain(text);
    expect(await queue.cancelMatching({ queue: "plans" }, { cursor })).toEqual({ matched: 1, changed: 1 });
  });

  it("log an error of onProgress once, and go on", async () => {
    const logger = new RecordingLogger();
    const { queue } = setup({}, { logger });
    await queue.sendMany(Array.from({ length: 3 }, (_, n) => ({ message: planCreate, data: plan(`p${n}`) })));
    const fail = () => {
      throw new Error("no console");
    };
    expect(await queue.drain("plans", { onProgress: fail })).toBe(3);
    expect(logger.lines).toHaveLength(1);
  });

  it("count what a search finds", async () => {
    const { queue } = setup();
    const countOf = async (filter: Filter) => (await queue.count(filter)).count;
    await queue.send(planCreate, plan(), { userId: "ann" });
    expect(await countOf({ userId: "ann" })).toBe(1);
    expect(await countOf({ userId: "ben" })).toBe(0);
    expect(await countOf({})).toBe(1);
  });
});

describe("removal by id", () => {
  it("removes active jobs only with `force`", async () => {
    const { queue, start, settle } = setup();
    const gate = new Gate();
    await start({ PHASE_CREATE: () => gate.wait() });
    const send = (index: number) => queue.send(phaseCreate, { planId: `p${index}`, index });
    const [first, second] = [await send(0), await send(1)];
    await settle();
    expect(await rejection(queue.remove(first))).toMatchObject({
      code: "INVALID_STATE",
      message: expect.stringContaining("cancel it first, or pass `force: true`"),
    });
    expect(await queue.removeMany([second])).toEqual([{ id: second.id, outcome: "active" }]);
    await queue.remove(first, { force: true });
    expect(await queue.removeMany([second], { force: true })).toEqual([
      { id: second.id, outcome: "removed" },
    ]);
    expect(await rejection(queue.remove(first, { forced: true } as never))).toMatchObject({
      code: "INVALID_OPTIONS",
    });
    gate.open();
    await settle();
  });
});
