import assert from "node:assert/strict";
import type { EngineEvent, EventFilter } from "../../../engine/events.ts";
import type { JobKey } from "../../../engine/job.ts";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { QUEUE } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, SHORT_LEASE } from "../timing.ts";

const GONE = { completed: { age: 0, count: 0 }, failed: { age: 0, count: 0 } };

/** Collects what a filter selects. The function that it answers waits for the event of a last job, and ends it. */
async function collect(on: Scenario, filter: EventFilter) {
  const { events, unsubscribe } = await on.listen(filter);
  return async (): Promise<readonly EngineEvent[]> => {
    const last = await on.listen({ types: ["queued"], queues: ["last"] });
    const id = await on.send({ queue: "last" });
    // Events arrive in order, so whatever happened before has arrived.
    await last.until((seen) => seen.length > 0);
    await Promise.all([unsubscribe(), last.unsubscribe()]);
    return events.filter((event) => event.id !== id);
  };
}

const keys = (...ids: readonly string[]): readonly JobKey[] => ids.map((id) => ({ id }));
const brief = ({ id, type }: EngineEvent) => `${id} ${type}`;

/** The events of some jobs on two queues, with two messages, as a filter selects them. */
async function selected(on: Scenario, filter: EventFilter): Promise<readonly string[]> {
  const end = await collect(on, filter);
  await on.sendEach(
    { id: "a", queue: "one", messageType: "X" },
    { id: "b", queue: "two", messageType: "X" },
    { id: "c", queue: "two", messageType: "Y" },
  );
  await on.endNext("completed", "a", "one");
  await on.endNext("failed", "b", "two");
  await on.cancel("c");
  return (await end()).map(brief);
}

const ALL = [
  "a queued",
  "b queued",
  "c queued",
  "a active",
  "a completed",
  "b active",
  "b failed",
  "c cancelled",
];

export const eventCases = section("events", [
  rule("a listener receives every change of state, in order", async (on) => {
    assert.deepEqual(await selected(on, {}), ALL);
  }),

  rule("a listener receives the types that it asks for", async (on) => {
    assert.deepEqual(await selected(on, { types: ["failed", "cancelled"] }), ["b failed", "c cancelled"]);
  }),

  rule("a listener receives events of the queues that it asks for", async (on) => {
    assert.deepEqual(await selected(on, { queues: ["one", "none"] }), [
      "a queued",
      "a active",
      "a completed",
    ]);
  }),

  rule("a listener receives events of the messages that it asks for", async (on) => {
    assert.deepEqual(await selected(on, { messages: ["Y"] }), ["c queued", "c cancelled"]);
  }),

  rule("a listener receives events of the jobs that it asks for", async (on) => {
    const expected = ALL.filter((event) => /^[ab]/.test(event));
    assert.deepEqual(await selected(on, { jobs: keys("a", "b", "nobody") }), expected);
  }),

  rule("a listener receives only events for which all of its conditions hold", async (on) => {
    const filter: EventFilter = { types: ["queued", "failed"], queues: ["two"], messages: ["X"] };
    assert.deepEqual(await selected(on, filter), ["b queued", "b failed"]);
  }),

  rule("conditions hold for listeners of single jobs, too", async (on) => {
    const filter: EventFilter = { jobs: keys("a", "b"), types: ["queued", "failed"], queues: ["two"] };
    assert.deepEqual(await selected(on, filter), ["b queued", "b failed"]);
  }),

  rule("a list without entries selects nothing", async (on) => {
    for (const filter of [{ types: [] }, { queues: [] }, { messages: [] }, { jobs: [] }]) {
      const listener = await on.listen(filter);
      const end = await collect(on, {});
      await on.send();
      await end();
      assert.deepEqual(listener.events, []);
    }
  }),

  rule("listeners with different filters each receive what they ask for", async (on) => {
    const failed = await collect(on, { types: ["failed"] });
    const job = await collect(on, { jobs: keys("b") });
    await on.sendEnded("failed", { id: "a" });
    await on.sendEnded("completed", { id: "b" });
    assert.deepEqual((await failed()).map(brief), ["a failed"]);
    assert.deepEqual((await job()).map(brief), ["b queued", "b active", "b completed"]);
  }),

  rule("two listeners of one job each receive what they ask for", async (on) => {
    const ended = await on.listen({ jobs: keys("a"), types: ["completed"], detail: true });
    const started = await on.listen({ jobs: keys("a", "b"), types: ["active"] });
    await on.send({ id: "a" });
    await on.complete(await on.take("a"), "1");
    await ended.until((seen) => seen.length > 0);
    assert.deepEqual(ended.events.map(brief), ["a completed"]);
    assert.deepEqual(started.events.map(brief), ["a active"]);
    await ended.unsubscribe();
    await on.sendEnded("completed", { id: "b" });
    await started.until((seen) => seen.length > 1);
    assert.deepEqual(started.events.map(brief), ["a active", "b active"]);
    assert.equal(ended.events.length, 1);
  }),

  rule("the type requeued selects jobs that wait again", async (on) => {
    const end = await collect(on, { types: ["requeued"] });
    await on.sendEach({ id: "first", orderingKey: "k" }, { id: "second", orderingKey: "k" });
    await on.retryAttempt(await on.take("first"));
    await on.release(await on.take("first"));
    await on.take("first", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.fail(await on.take("first"));
    await on.run("second");
    await on.retry("first");
    const events = await end();
    assert.deepEqual(events.map(brief), Array(4).fill("first queued"));
    assert.deepEqual(
      events.map(({ epoch }) => epoch),
      [1, 2, 3, 5],
    );
  }),

  rule("events have progress and endings only if the listener asks for detail", async (on) => {
    const [plain, detailed] = [await on.listen({}), await on.listen({ detail: true })];
    await on.sendEach({ id: "a" }, { id: "b" });
    const [a, b] = await on.claim(2);
    const { id, epoch, token } = a!;
    await on.engine.core.extend({ leases: [{ id, epoch, token, progress: "[1]" }], lease: LEASE });
    await on.complete(a!, '{"done":true}');
    const error = errorText("BROKEN");
    await on.fail(b!, error);
    const details = ({ progress, ending }: EngineEvent) => ({ progress, ending });
    const none = { progress: undefined, ending: undefined };
    for (const { until } of [plain, detailed]) await until((seen) => seen.length === 7);
    assert.deepEqual(plain.events.map(details), Array(7).fill(none));
    assert.deepEqual(detailed.events.map(details), [
      none,
      none,
      none,
      none,
      { progress: "[1]", ending: undefined },
      { progress: undefined, ending: { result: '{"done":true}' } },
      { progress: undefined, ending: { error } },
    ]);
  }),

  rule("a job can be watched before it is sent", async (on) => {
    const peer = await on.peer();
    const { events, until } = await on.listen({ jobs: keys("a"), types: ["cancelled"], detail: true });
    await on.send({ id: "a" });
    await peer.operate.cancel([{ id: "a" }], "stop");
    await until((seen) => seen.length > 0);
    assert.equal(JSON.parse(events[0]!.ending!.error!).code, "JOB_CANCELLED");
  }),

  rule("one listener can watch more than a thousand jobs", async (on) => {
    const ids = Array.from({ length: 1_200 }, (_, index) => `watched-${index}`);
    const { events, until, unsubscribe } = await on.listen({ jobs: keys(...ids), types: ["queued"] });
    await on.sendBatch(...ids.map((id) => ({ id })), { id: "other" });
    await until((seen) => seen.length === ids.length);
    assert.deepEqual(
      events.map(({ id }) => id),
      ids,
    );
    await unsubscribe();
  }),

  rule("a listener receives events from now on, until it unsubscribes", async (on) => {
    await on.send({ id: "before" });
    const first = await on.listen();
    const second = await on.listen();
    await on.send({ id: "during" });
    await Promise.all([first, second].map(({ until }) => until((seen) => seen.length > 0)));
    await first.unsubscribe();
    await on.send({ id: "after" });
    await second.until((seen) => seen.length > 1);
    assert.deepEqual(
      first.events.map(({ id }) => id),
      ["during"],
    );
    const { at, ...event } = first.events[0]!;
    assert(Number.isFinite(at));
    assert.deepEqual(event, {
      type: "queued",
      id: "during",
      queue: QUEUE,
      messageType: "TEST_MESSAGE",
      epoch: 0,
    });
  }),

  rule("a listener receives events of other processes' jobs", async (on) => {
    const { events, until } = await on.listen();
    await on.send({ id: "a" });
    const peer = await on.peer();
    await peer.operate.cancel([{ id: "a" }], "stop");
    await until((seen) => seen.some(({ type }) => type === "cancelled"));
    assert.equal(events.at(-1)?.id, "a");
  }),

  rule("a listener receives a job's last event before `get` stops finding the job", async (on) => {
    const { events } = await on.listen();
    for (let index = 0; index < 50; index++) {
      const id = await on.send({ id: `gone-${index}`, retain: GONE });
      const lease = await on.take(id);
      const [, [record]] = await Promise.all([on.complete(lease, "1"), on.engine.inspect.get([{ id }])]);
      if (record) continue;
      const { at, ...last } = events.findLast((event) => event.id === id)!;
      assert(Number.isFinite(at));
      assert.deepEqual(last, {
        type: "completed",
        id,
        queue: QUEUE,
        messageType: lease.envelope.messageType,
        epoch: lease.epoch,
        ending: { result: "1" },
      });
    }
  }),

  rule("a listener that throws has no other effect", async (on) => {
    const onEvent = () => {
      throw new Error("a listener's own mistake");
    };
    await on.engine.events.subscribe({ onEvent });
    const { until } = await on.listen();
    await on.send({ id: "a" });
    await on.run("a");
    await until((seen) => seen.some(({ type }) => type === "completed"));
  }),
]);
