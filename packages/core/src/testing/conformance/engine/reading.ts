import assert from "node:assert/strict";
import { JOB_STATES } from "../../../engine/state-machine.ts";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import { LATER } from "../timing.ts";

export const readingCases = section("reading", [
  rule("get returns jobs in the order requested, with null for unknown ids", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    const found = await on.engine.inspect.get([{ id: "b" }, { id: "nowhere" }, { id: "a" }, { id: "b" }]);
    assert.deepEqual(
      found.map((job) => job?.id ?? null),
      ["b", null, "a", "b"],
    );
  }),

  rule("summaries are those of lists, in the order requested, with null for unknown ids", async (on) => {
    await on.sendEnded("failed", { id: "a", orderingKey: "k" });
    await on.sendEach({ id: "b", delay: LATER, envelope: { userId: "ann" } }, { id: "c" });
    await on.take("c");
    const summaries = await on.engine.inspect.getSummaries(["b", "nowhere", "a", "c"].map((id) => ({ id })));
    const { jobs } = await on.engine.inspect.list({ fields: "summary", limit: 10 });
    const byId = new Map(jobs.map((job) => [job.id, job]));
    assert.deepEqual(summaries, [byId.get("b"), null, byId.get("a"), byId.get("c")]);
  }),

  rule("a record is a snapshot: later changes don't affect it", async (on) => {
    await on.send({ id: "a" });
    const before = await on.job("a");
    await on.run("a");
    assert.equal(before.state, "queued");
  }),

  rule("counts has the number of jobs per queue and state", async (on) => {
    for (const state of ["completed", "failed", "cancelled"] as const) await on.sendEnded(state);
    await on.send({ id: "active" });
    await on.take("active");
    await on.sendEach({ delay: LATER }, {}, {}, { dependsOn: ["active"] }, { queue: "other" });
    const { oldestWaiting: _, ...counts } = await on.counts();
    assert.deepEqual(counts, {
      queue: QUEUE,
      paused: false,
      states: { blocked: 1, scheduled: 1, queued: 2, active: 1, completed: 1, failed: 1, cancelled: 1 },
    });
    assert.equal((await on.counts("other")).states.queued, 1);
  }),

  rule("a queue whose jobs are all gone still appears in counts", async (on) => {
    await on.send({ id: "a" });
    await on.remove("a");
    const { states } = await on.counts();
    assert.deepEqual(states, Object.fromEntries(JOB_STATES.map((state) => [state, 0])));
  }),
]);
