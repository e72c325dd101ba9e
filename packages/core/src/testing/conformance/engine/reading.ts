import assert from "node:assert/strict";
import type { ListRequest } from "../../../engine/inspect.ts";
import type { JobRecord } from "../../../engine/job.ts";
import { JOB_STATES } from "../../../engine/state-machine.ts";
import { rule, section } from "../case.ts";
import { QUEUE } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LATER } from "../timing.ts";

/** All pages of a list. */
async function listAll(on: Scenario, request: Omit<ListRequest, "cursor">): Promise<readonly JobRecord[]> {
  const jobs: JobRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await on.engine.inspect.list({ ...request, ...(cursor !== undefined && { cursor }) });
    assert(page.jobs.length <= request.limit, "a page has at most its limit");
    jobs.push(...page.jobs);
    cursor = page.cursor;
    if (cursor === undefined) return jobs;
  }
}

const ids = (jobs: readonly JobRecord[]) => jobs.map(({ id }) => id);

export const readingCases = section("reading", [
  rule("get returns jobs in the order requested, with null for unknown ids", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    const found = await on.engine.inspect.get([{ id: "b" }, { id: "nowhere" }, { id: "a" }, { id: "b" }]);
    assert.deepEqual(
      found.map((job) => job?.id ?? null),
      ["b", null, "a", "b"],
    );
  }),

  rule("a record is a snapshot: later changes don't affect it", async (on) => {
    await on.send({ id: "a" });
    const before = await on.job("a");
    await on.run("a");
    assert.equal(before.state, "queued");
  }),

  rule("list returns the newest first, by send order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c", delay: LATER });
    await on.run("a");
    assert.deepEqual(ids(await listAll(on, { limit: 10 })), ["c", "b", "a"]);
  }),

  rule("list returns every job once, page by page", async (on) => {
    const sent = Array.from({ length: 95 }, (_, index) => `n${index}`);
    await on.sendBatch(...sent.map((id) => ({ id })));
    assert.deepEqual(ids(await listAll(on, { limit: 10 })), sent.toReversed());
  }),

  rule("sends during a list don't shift its pages", async (on) => {
    await on.sendBatch(...["a", "b", "c", "d"].map((id) => ({ id })));
    const first = await on.engine.inspect.list({ limit: 2 });
    await on.sendBatch({ id: "e" }, { id: "f" });
    const second = await on.engine.inspect.list({ limit: 10, cursor: first.cursor! });
    assert.deepEqual([...ids(first.jobs), ...ids(second.jobs)], ["d", "c", "b", "a"]);
  }),

  rule("list filters by state", async (on) => {
    await on.sendEnded("completed", { id: "done" });
    await on.sendEnded("failed", { id: "broken" });
    await on.send({ id: "waiting" });
    assert.deepEqual(ids(await listAll(on, { states: ["failed", "queued"], limit: 2 })), [
      "waiting",
      "broken",
    ]);
  }),

  rule("a state that is requested twice is listed once", async (on) => {
    await on.sendEach({ id: "ready" }, { id: "urgent", priority: 1 }, { id: "late", delay: LATER });
    await on.take("ready");
    await on.send({ id: "next" });
    const states = ["queued", "active", "scheduled", "queued", "scheduled", "active"] as const;
    assert.deepEqual(ids(await listAll(on, { states, limit: 10 })), ["next", "late", "urgent", "ready"]);
    assert.deepEqual(ids(await listAll(on, { states, limit: 1 })), ["next", "late", "urgent", "ready"]);
  }),

  rule("list filters by queue and message", async (on) => {
    await on.sendEach(
      { id: "a", queue: "one", messageType: "X" },
      { id: "b", queue: "two", messageType: "X" },
      { id: "c", queue: "one", messageType: "Y" },
    );
    assert.deepEqual(ids(await listAll(on, { queue: "one", limit: 10 })), ["c", "a"]);
    assert.deepEqual(ids(await listAll(on, { messageType: "X", limit: 10 })), ["b", "a"]);
    assert.deepEqual(ids(await listAll(on, { queue: "one", messageType: "X", limit: 10 })), ["a"]);
  }),

  rule("list returns the same records as get", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    assert.deepEqual(await listAll(on, { limit: 10 }), [await on.job("a")]);
  }),

  rule("counts has the number of jobs per queue and state", async (on) => {
    for (const state of ["completed", "failed", "cancelled"] as const) await on.sendEnded(state);
    await on.send({ id: "active" });
    await on.take("active");
    await on.sendEach({ delay: LATER }, {}, {}, { dependsOn: ["active"] }, { queue: "other" });
    assert.deepEqual(await on.counts(), {
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
