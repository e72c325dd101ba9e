import { describe, expect, it } from "vitest";
import { type JobFilterOptions, reportFromWire, toWire, UnrecoverableError } from "../src/index.ts";
import { plan, planCreate, planResult, rejection, type scan, setup } from "./runtime-support.ts";

type Filter = JobFilterOptions<typeof planCreate | typeof scan>;

describe("list", () => {
  it("filters by user, key, and times, and combines filters", async () => {
    const { queue, start, settle, clock } = setup();
    const first = await queue.send(planCreate, plan("p1"), { userId: "ann" });
    await clock.advance(1_000);
    const sentTo = clock.now();
    const second = await queue.send(planCreate, plan("p2"), { userId: "ben" });
    const ids = async (filter: Filter) => (await queue.list(filter)).jobs.map(({ id }) => id);
    expect(await ids({ userId: "ann" })).toEqual([first.id]);
    expect(await ids({ userId: "ann", queue: ["phases", "default"] })).toEqual([]);
    expect(await ids({ sentTo })).toEqual([first.id]);
    expect(await ids({ sentFrom: new Date(sentTo), message: [planCreate, "SCAN"] })).toEqual([second.id]);
    expect(await ids({ finishedFrom: 0 })).toEqual([]);
    await start({ PLAN_CREATE: () => planResult() });
    await settle();
    expect(await ids({ finishedFrom: sentTo, userId: "ben" })).toEqual([second.id]);
  });

  it("lists summaries, which survive JSON", async () => {
    const { queue, start, settle } = setup();
    await start({
      PLAN_CREATE: () => {
        throw new UnrecoverableError("no trainer");
      },
    });
    await queue.send(planCreate, plan(), { userId: "ann" });
    await settle();
    const { jobs } = await queue.list({ state: "failed", fields: "summary" });
    expect(jobs).toMatchObject([
      { messageType: "PLAN_CREATE", state: "failed", userId: "ann", error: { message: "no trainer" } },
    ]);
    expect(jobs[0]).not.toHaveProperty("data");
    expect(jobs[0]!.finishedAt).toBeInstanceOf(Date);
    expect(reportFromWire(JSON.parse(JSON.stringify(toWire(jobs[0]!))))).toEqual(jobs[0]);
  });

  it("refuses filters that select nothing, and cursors of others", async () => {
    const { queue } = setup();
    for (const n of [1, 2]) await queue.send(planCreate, plan(`p${n}`));
    const { cursor } = await queue.list({ queue: "plans", limit: 1 });
    expect((await queue.list({ queue: ["plans"], limit: 5, fields: "summary", cursor })).jobs).toHaveLength(
      1,
    );
    const refusals: readonly [Filter & { cursor?: string | undefined }, string][] = [
      [{ cursor }, "list: the cursor belongs to another filter. Pass the same filter"],
      [{ queue: ["plans", "plan"] }, 'There is no queue "plan". The queues are:'],
      [{ message: "PLAN_CREAT" }, "Did you mean PLAN_CREATE?"],
      [{ sentFrom: 5, sentTo: 5 }, "list: sentFrom must be before sentTo"],
      [{ state: "queued", finishedTo: 5 }, "list: jobs that are queued haven't ended"],
      [{ userId: "\ud800" }, "well-formed Unicode"],
    ];
    for (const [options, text] of refusals) {
      expect((await rejection(queue.list(options))).message).toContain(text);
    }
  });
});
