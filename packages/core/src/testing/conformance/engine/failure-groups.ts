import assert from "node:assert/strict";
import type { Lease } from "../../../engine/core.ts";
import type {
  FailureGroupKey,
  FailureGroupRecord,
  FailureGroupsRequest,
} from "../../../engine/failure-groups.ts";
import type { JobFilter } from "../../../engine/job-filter.ts";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { type JobSpec, QUEUE, retain } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { SHORT_LEASE, SOON } from "../timing.ts";

const HOUR = 3_600_000;
const TEXT = errorText("BROKEN");

/** A key with texts that an engine must keep as they are. */
function group(fingerprint: string, title = `Plan <id> is “broken” 😀 \\ {"%s"}`): FailureGroupKey {
  return { fingerprint, code: "BROKEN", title, frame: "createPlan (src/plan.ts)" };
}

async function fail(on: Scenario, { id, epoch, token }: Lease, key = group("a1")): Promise<void> {
  const outcome = { id, epoch, token, type: "fail", error: TEXT, group: key } as const;
  assert.deepEqual(await on.settle(outcome), ["accepted"], `failing ${id}`);
}

async function retry(on: Scenario, { id, epoch, token }: Lease, key = group("a1")): Promise<void> {
  const outcome = { id, epoch, token, type: "retry", error: TEXT, group: key, delay: 0 } as const;
  assert.deepEqual(await on.settle(outcome), ["accepted"], `retrying ${id}`);
}

async function sendFailed(on: Scenario, spec: JobSpec, key = group("a1")): Promise<void> {
  await fail(on, await on.take(await on.send(spec), spec.queue), key);
}

/** All pages. */
async function groups(on: Scenario, request: Partial<FailureGroupsRequest> = {}) {
  const found: FailureGroupRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await on.engine.inspect.failureGroups({
      limit: 100,
      ...request,
      ...(cursor !== undefined && { cursor }),
    });
    found.push(...page.groups);
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
}

/** The only group. */
async function only(on: Scenario): Promise<FailureGroupRecord> {
  const found = await groups(on);
  assert.equal(found.length, 1, "there is one group");
  return found[0]!;
}

const prints = (found: readonly FailureGroupRecord[]) => found.map(({ fingerprint }) => fingerprint);

export const failureGroupCases = section("failure groups", [
  rule(
    "a failure is counted in its group, with the text and the place that it was reported with",
    async (on) => {
      await sendFailed(on, { id: "a", messageType: "PLAN_CREATE" });
      const { firstAt, lastAt, hours, ...rest } = await only(on);
      assert.deepEqual(rest, {
        ...group("a1"),
        messageType: "PLAN_CREATE",
        queue: QUEUE,
        failed: 1,
        retried: 0,
        samples: ["a"],
      });
      const { finishedAt } = await on.job("a");
      assert.deepEqual([firstAt, lastAt], [finishedAt, finishedAt]);
      assert.deepEqual(hours, [{ hour: finishedAt! - (finishedAt! % HOUR), failed: 1, retried: 0 }]);
    },
  ),

  rule("attempts with a retry are counted apart from failures that end their job", async (on) => {
    await on.send({ id: "a" });
    await retry(on, await on.take("a"));
    await retry(on, await on.take("a"));
    await fail(on, await on.take("a"));
    const { failed, retried, hours, samples } = await only(on);
    assert.deepEqual({ failed, retried, samples }, { failed: 1, retried: 2, samples: ["a"] });
    assert.equal(
      hours.reduce((sum, counts) => sum + counts.failed + counts.retried, 0),
      3,
    );
  }),

  rule("a batch of failures is counted one by one, each in its own group", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" }, { id: "c" }, { id: "d" });
    const jobs = await on.claim(4);
    const keys = [group("a1"), group("b2"), group("a1"), group("a1")];
    await on.settle(
      ...jobs.map(({ id, epoch, token }, index) => ({
        ...{ id, epoch, token, error: TEXT, group: keys[index]! },
        ...(index === 3 ? { type: "retry" as const, delay: SOON } : { type: "fail" as const }),
      })),
    );
    const found = new Map((await groups(on)).map((each) => [each.fingerprint, each]));
    const { failed, retried, samples } = found.get("a1")!;
    assert.deepEqual({ failed, retried, samples }, { failed: 2, retried: 1, samples: ["d", "c", "a"] });
    assert.deepEqual(found.get("b2")!.samples, ["b"]);
  }),

  rule("a failure without a group isn't counted", async (on) => {
    await on.sendEnded("failed", { id: "a" });
    assert.deepEqual(await groups(on), []);
  }),

  rule("a group without a place has none", async (on) => {
    await sendFailed(on, { id: "a" }, { fingerprint: "a1", code: "BROKEN", title: "it broke" });
    assert(!("frame" in (await only(on))));
  }),

  rule("a stale outcome isn't counted", async (on) => {
    await on.send({ id: "a" });
    const { id, epoch, token } = await on.take("a");
    await on.release({ id, epoch, token });
    const stale = { id, epoch, token, type: "fail", error: TEXT, group: group("a1") } as const;
    assert.deepEqual(await on.settle(stale), ["stale"]);
    assert.deepEqual(await groups(on), []);
  }),

  rule("a failure of a job that was told to stop isn't counted: it is cancelled", async (on) => {
    await on.send({ id: "a" });
    const lease = await on.take("a");
    await on.engine.operate.cancel([{ id: "a" }], "stop");
    await fail(on, lease);
    await on.expect({ a: "cancelled" });
    assert.deepEqual(await groups(on), []);
  }),

  rule("jobs that are cancelled because of a failed dependency aren't counted", async (on) => {
    await on.send({ id: "a" });
    await on.sendEach({ id: "b", dependsOn: ["a"] }, { id: "c", dependsOn: ["b"] });
    await fail(on, await on.take("a"));
    await on.expect({ b: "cancelled", c: "cancelled" });
    const { failed, retried, samples } = await only(on);
    assert.deepEqual({ failed, retried, samples }, { failed: 1, retried: 0, samples: ["a"] });
  }),

  rule("stalled attempts have a group for each message, which the engine makes", async (on) => {
    await on.send({ id: "a", maxStalls: 2, messageType: "PLAN_CREATE" });
    for (let stall = 0; stall < 2; stall++) {
      await on.take("a", QUEUE, SHORT_LEASE);
      await on.elapse(SHORT_LEASE);
      await on.recover();
    }
    await on.expect({ a: "failed" });
    const found = await only(on);
    assert.deepEqual(
      { ...found, title: undefined, firstAt: undefined, lastAt: undefined, hours: undefined },
      {
        ...{ fingerprint: "stalled:PLAN_CREATE", code: "STALLED", messageType: "PLAN_CREATE", queue: QUEUE },
        ...{ failed: 1, retried: 1, samples: ["a"] },
        ...{ title: undefined, firstAt: undefined, lastAt: undefined, hours: undefined },
      },
    );
    assert.match(found.title, /lease/);
  }),

  rule("groups come with the latest failure first, page by page", async (on) => {
    for (const fingerprint of ["a1", "b2", "c3", "d4"]) {
      await sendFailed(on, {}, group(fingerprint));
      await on.elapse(1);
    }
    await sendFailed(on, {}, group("b2"));
    assert.deepEqual(prints(await groups(on)), ["b2", "d4", "c3", "a1"]);
    assert.deepEqual(prints(await groups(on, { limit: 1 })), ["b2", "d4", "c3", "a1"]);
    const first = await on.engine.inspect.failureGroups({ limit: 3 });
    assert.equal(first.groups.length, 3);
    const last = await on.engine.inspect.failureGroups({ limit: 3, cursor: first.cursor! });
    assert.deepEqual(prints(last.groups), ["a1"]);
    assert.equal(last.cursor, undefined);
  }),

  rule("groups of one instant are each listed once", async (on) => {
    const sent = Array.from({ length: 7 }, (_, index) => ({ id: `n${index}` }));
    await on.sendBatch(...sent);
    const jobs = await on.claim(7);
    await on.settle(
      ...jobs.map(({ id, epoch, token }) => ({
        ...{ id, epoch, token, type: "fail" as const, error: TEXT, group: group(id) },
      })),
    );
    const found = prints(await groups(on, { limit: 2 }));
    assert.deepEqual(
      found.toSorted(),
      sent.map(({ id }) => id),
    );
  }),

  rule("a text that isn't a cursor of groups is refused", async (on) => {
    await assert.rejects(on.engine.inspect.failureGroups({ limit: 1, cursor: "?" }), {
      code: "INVALID_OPTIONS",
    });
  }),

  rule("groups are filtered by message and by queue", async (on) => {
    await sendFailed(on, { messageType: "ONE" }, group("a1"));
    await sendFailed(on, { messageType: "TWO" }, group("b2"));
    await sendFailed(on, { messageType: "TWO", queue: "other" }, group("c3"));
    assert.deepEqual(prints(await groups(on, { messageType: "TWO", limit: 1 })).toSorted(), ["b2", "c3"]);
    assert.deepEqual(prints(await groups(on, { queue: "other" })), ["c3"]);
    assert.deepEqual(prints(await groups(on, { messageType: "ONE", queue: "other" })), []);
  }),

  rule("the samples are the newest ten jobs, by send order", async (on) => {
    const sent = Array.from({ length: 15 }, (_, index) => `n${index}`);
    await on.sendBatch(...sent.map((id) => ({ id })));
    const leases = await on.claim(15);
    for (const lease of leases.toReversed()) await fail(on, lease);
    assert.deepEqual((await only(on)).samples, sent.slice(-10).toReversed());
  }),

  rule("a job that is gone is no sample, and stays counted", async (on) => {
    for (const id of ["a", "b", "c"]) await sendFailed(on, { id });
    await on.remove("b");
    assert.deepEqual((await only(on)).samples, ["c", "a"]);
    await on.engine.operate.clean({ state: "failed", olderThan: 0, limit: 10 });
    const { failed, samples } = await only(on);
    assert.deepEqual({ failed, samples }, { failed: 3, samples: [] });
  }),

  rule("a job that isn't kept is counted", async (on) => {
    await sendFailed(on, { id: "a", retain: retain({ failed: { count: 0 } }) });
    const { failed, samples } = await only(on);
    assert.deepEqual({ failed, samples }, { failed: 1, samples: [] });
  }),

  rule("list and count filter by failure group, in any state, and with other conditions", async (on) => {
    await on.send({ id: "again", messageType: "ONE" });
    await retry(on, await on.take("again"));
    await on.take("again");
    for (const id of ["a", "b", "c", "gone"]) await sendFailed(on, { id, messageType: "TWO" });
    await sendFailed(on, { id: "other" }, group("b2"));
    await on.send({ id: "waiting" });
    await on.remove("gone");
    const ids = async (filter: JobFilter) => {
      const found: string[] = [];
      for (let cursor: string | undefined; ; ) {
        const request = { filter: { failureGroup: "a1", ...filter }, fields: "summary", limit: 2 } as const;
        const page = await on.engine.inspect.list({ ...request, ...(cursor !== undefined && { cursor }) });
        found.push(...page.jobs.map(({ id }) => id));
        cursor = page.cursor;
        if (cursor === undefined) return found;
      }
    };
    assert.deepEqual(await ids({}), ["c", "b", "a", "again"]);
    assert.deepEqual(await ids({ states: ["active"] }), ["again"]);
    assert.deepEqual(await ids({ states: ["failed"], messages: ["TWO"], queues: [QUEUE] }), ["c", "b", "a"]);
    assert.deepEqual(await ids({ queues: ["nowhere"] }), []);
    assert.deepEqual(await ids({ failureGroup: "nowhere" }), []);
    const count = async (filter: JobFilter) => (await on.engine.inspect.count(filter)).count;
    assert.equal(await count({ failureGroup: "a1" }), 4);
    assert.equal(await count({ failureGroup: "a1", states: ["failed"] }), 3);
  }),

  rule("a group that is forgotten is gone, its jobs aren't, and it begins anew", async (on) => {
    await sendFailed(on, { id: "a" });
    await sendFailed(on, { id: "b" }, group("b2"));
    assert.deepEqual(await on.engine.operate.forgetFailureGroups(["a1", "nowhere"]), [
      "forgotten",
      "unknown",
    ]);
    assert.deepEqual(prints(await groups(on)), ["b2"]);
    await on.expect({ a: "failed" });
    await sendFailed(on, { id: "c" });
    const { failed, samples } = (await groups(on)).find(({ fingerprint }) => fingerprint === "a1")!;
    assert.deepEqual({ failed, samples }, { failed: 1, samples: ["c"] });
  }),

  rule("an engine keeps the thousand groups that failed last", async (on) => {
    for (const part of [0, 1, 2]) {
      await on.sendBatch(...Array.from({ length: 350 }, (_, index) => ({ id: `n${part}-${index}` })));
      const jobs = await on.claim(350);
      await on.settle(
        ...jobs.map(({ id, epoch, token }) => ({
          ...{ id, epoch, token, type: "fail" as const, error: TEXT, group: group(id) },
        })),
      );
      await on.elapse(1);
    }
    const found = prints(await groups(on));
    assert.equal(found.length, 1_000);
    assert.equal(found.filter((each) => each.startsWith("n0-")).length, 300);
  }),

  rule("a failure's group changes nothing about its job", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" });
    const [a, b] = await on.claim(2);
    await fail(on, a!);
    await on.fail(b!);
    const [first, second] = await on.engine.inspect.get([{ id: "a" }, { id: "b" }]);
    assert.deepEqual(
      { ...first!, id: "", envelope: null, failures: first!.failures.length, finishedAt: 0 },
      { ...second!, id: "", envelope: null, failures: second!.failures.length, finishedAt: 0 },
    );
  }),
]);
