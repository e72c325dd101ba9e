import assert from "node:assert/strict";
import type { JobRecord } from "../../../engine/job.ts";
import type { JobFilter } from "../../../engine/job-filter.ts";
import { rule, section } from "../case.ts";
import { retain } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";
import { LATER } from "../timing.ts";

/** All pages of a list. */
async function listAll(on: Scenario, filter: JobFilter, limit = 10): Promise<readonly JobRecord[]> {
  const jobs: JobRecord[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await on.engine.inspect.list({
      filter,
      fields: "full",
      limit,
      ...(cursor !== undefined && { cursor }),
    });
    assert(page.jobs.length <= limit, "a page has at most its limit");
    assert(page.complete || page.cursor !== undefined, "an incomplete page has a cursor");
    jobs.push(...page.jobs);
    cursor = page.cursor;
    if (cursor === undefined) return jobs;
  }
}

const ids = (jobs: readonly { readonly id: string }[]) => jobs.map(({ id }) => id);

/** The ids that a filter selects, in pages of every size. */
async function idsOf(on: Scenario, filter: JobFilter): Promise<readonly string[]> {
  const all = ids(await listAll(on, filter));
  for (const limit of [1, 2]) assert.deepEqual(ids(await listAll(on, filter, limit)), all);
  return all;
}

export const listingCases = section("listing", [
  rule("list returns the newest first, by send order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c", delay: LATER });
    await on.run("a");
    assert.deepEqual(await idsOf(on, {}), ["c", "b", "a"]);
  }),

  rule("list returns every job once, page by page", async (on) => {
    const sent = Array.from({ length: 95 }, (_, index) => `n${index}`);
    await on.sendBatch(...sent.map((id) => ({ id })));
    assert.deepEqual(ids(await listAll(on, {})), sent.toReversed());
  }),

  rule("a text that isn't a cursor of lists is refused", async (on) => {
    for (const cursor of ["?", "-5", "1.5", "1e3", "", "9".repeat(30)]) {
      await assert.rejects(on.engine.inspect.list({ fields: "summary", limit: 1, cursor }), {
        code: "INVALID_OPTIONS",
      });
    }
  }),

  rule("sends during a list don't shift its pages", async (on) => {
    await on.sendBatch(...["a", "b", "c", "d"].map((id) => ({ id })));
    const first = await on.engine.inspect.list({ fields: "full", limit: 2 });
    await on.sendBatch({ id: "e" }, { id: "f" });
    const second = await on.engine.inspect.list({ fields: "full", limit: 10, cursor: first.cursor! });
    assert.deepEqual([...ids(first.jobs), ...ids(second.jobs)], ["d", "c", "b", "a"]);
  }),

  rule("a job that changes its state between two pages is on one of them", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c" }, { id: "d", delay: LATER });
    const first = await on.engine.inspect.list({ fields: "summary", limit: 2 });
    assert.deepEqual(ids(first.jobs), ["d", "c"]);
    await on.run("a");
    await on.cancel("b");
    await on.engine.operate.promote([{ id: "d" }]);
    await on.take("c");
    const second = await on.engine.inspect.list({ fields: "summary", limit: 2, cursor: first.cursor! });
    assert.deepEqual(
      second.jobs.map(({ id, state }) => [id, state]),
      [
        ["b", "cancelled"],
        ["a", "completed"],
      ],
    );
  }),

  rule("cancelled and removed jobs between others don't hide them", async (on) => {
    const sent = Array.from({ length: 60 }, (_, index) => `n${index}`);
    await on.sendBatch(...sent.map((id) => ({ id })));
    const gone = sent.slice(10, 50);
    await on.engine.operate.remove(gone.map((id) => ({ id })));
    const left = sent.filter((id) => !gone.includes(id)).toReversed();
    assert.deepEqual(await idsOf(on, { states: ["queued"] }), left);
  }),

  rule("list filters by state", async (on) => {
    await on.sendEnded("completed", { id: "done" });
    await on.sendEnded("failed", { id: "broken" });
    await on.send({ id: "waiting" });
    assert.deepEqual(await idsOf(on, { states: ["failed", "queued"] }), ["waiting", "broken"]);
    assert.deepEqual(await idsOf(on, { states: [] }), []);
  }),

  rule("a state that is requested twice is listed once", async (on) => {
    await on.sendEach({ id: "ready" }, { id: "urgent", priority: 1 }, { id: "late", delay: LATER });
    await on.take("ready");
    await on.send({ id: "next" });
    const states = ["queued", "active", "scheduled", "queued", "scheduled", "active"] as const;
    assert.deepEqual(await idsOf(on, { states }), ["next", "late", "urgent", "ready"]);
  }),

  rule("list filters by queues and messages", async (on) => {
    await on.sendEach(
      { id: "a", queue: "one", messageType: "X" },
      { id: "b", queue: "two", messageType: "X" },
      { id: "c", queue: "one", messageType: "Y" },
      { id: "d", queue: "three", messageType: "Z" },
    );
    assert.deepEqual(await idsOf(on, { queues: ["one"] }), ["c", "a"]);
    assert.deepEqual(await idsOf(on, { queues: ["three", "one", "one"] }), ["d", "c", "a"]);
    assert.deepEqual(await idsOf(on, { queues: [] }), []);
    assert.deepEqual(await idsOf(on, { queues: ["nowhere"] }), []);
    assert.deepEqual(await idsOf(on, { messages: ["X"] }), ["b", "a"]);
    assert.deepEqual(await idsOf(on, { messages: ["Z", "X"] }), ["d", "b", "a"]);
    assert.deepEqual(await idsOf(on, { queues: ["one"], messages: ["X"] }), ["a"]);
  }),

  rule("list filters by user", async (on) => {
    const metadata = JSON.stringify({ note: "x".repeat(1_000) });
    await on.sendEach(
      { id: "a", envelope: { userId: "u1" } },
      { id: "b", envelope: { userId: "u2" } },
      { id: "c", envelope: { userId: "u1", metadata } },
      { id: "d" },
    );
    assert.deepEqual(await idsOf(on, { userId: "u1" }), ["c", "a"]);
    assert.deepEqual(await idsOf(on, { userId: "u" }), []);
  }),

  rule("list filters by ordering key, in any state", async (on) => {
    await on.sendEach(
      { id: "a", orderingKey: "k" },
      { id: "b", orderingKey: "k" },
      { id: "c", orderingKey: "other" },
      { id: "d" },
      { id: "e", orderingKey: "k", queue: "elsewhere" },
      { id: "f", orderingKey: "k", delay: LATER },
    );
    await on.run("a");
    await on.take("b");
    assert.deepEqual(await idsOf(on, { orderingKey: "k" }), ["f", "e", "b", "a"]);
    const states = ["blocked", "scheduled", "queued", "active"] as const;
    assert.deepEqual(await idsOf(on, { orderingKey: "k", states }), ["f", "e", "b"]);
    assert.deepEqual(await idsOf(on, { orderingKey: "k", states: ["queued"] }), ["e"]);
    assert.deepEqual(await idsOf(on, { orderingKey: "k", states, queues: ["elsewhere"] }), ["e"]);
    assert.deepEqual(await idsOf(on, { orderingKey: "nothing", states }), []);
  }),

  rule("a failed job that holds its ordering key isn't among the unfinished ones", async (on) => {
    await on.sendEach(
      { id: "a", orderingKey: "k", onOrderingFailure: "hold" },
      { id: "b", orderingKey: "k", onOrderingFailure: "hold" },
    );
    await on.fail(await on.take("a"));
    assert.deepEqual(await idsOf(on, { orderingKey: "k", states: ["blocked", "queued", "active"] }), ["b"]);
    assert.deepEqual(await idsOf(on, { orderingKey: "k", states: ["failed"] }), ["a"]);
  }),

  rule("list filters by the time a job was stored, its start included and its end not", async (on) => {
    await on.send({ id: "a" });
    await on.elapse(1_000);
    await on.send({ id: "b" });
    await on.elapse(1_000);
    await on.send({ id: "c" });
    const { createdAt } = await on.job("b");
    assert.deepEqual(await idsOf(on, { sentFrom: createdAt }), ["c", "b"]);
    assert.deepEqual(await idsOf(on, { sentFrom: createdAt + 1 }), ["c"]);
    assert.deepEqual(await idsOf(on, { sentTo: createdAt }), ["a"]);
    assert.deepEqual(await idsOf(on, { sentFrom: createdAt, sentTo: createdAt + 1 }), ["b"]);
  }),

  rule("list filters by the time a job ended, and only ended jobs have one", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    await on.elapse(1_000);
    await on.sendEach({ id: "b" }, { id: "c" });
    await on.fail(await on.take("b"));
    const { finishedAt } = await on.job("b");
    assert.deepEqual(await idsOf(on, { finishedFrom: 0 }), ["b", "a"]);
    assert.deepEqual(await idsOf(on, { finishedFrom: finishedAt! }), ["b"]);
    assert.deepEqual(await idsOf(on, { finishedTo: finishedAt! }), ["a"]);
    assert.deepEqual(await idsOf(on, { finishedTo: finishedAt! + 1, states: ["failed", "queued"] }), ["b"]);
    assert.deepEqual(await idsOf(on, { finishedFrom: 0, states: ["queued"] }), []);
    await on.retry("b");
    assert.deepEqual(await idsOf(on, { finishedFrom: 0 }), ["a"]);
  }),

  rule("count has as many jobs as the list", async (on) => {
    await on.sendEach(
      { id: "a", messageType: "X", search: { plan: "p1" }, envelope: { userId: "u" } },
      { id: "b", queue: "other", messageType: "X", search: { plan: "p1" } },
      { id: "c", orderingKey: "k", delay: LATER },
      { id: "d", orderingKey: "k" },
      { id: "e" },
      { id: "f" },
    );
    await on.run("a");
    await on.take("e");
    await on.cancel("f");
    const plan = { message: "X", values: { plan: "p1" } };
    const filters: readonly JobFilter[] = [
      {},
      { queues: ["other"] },
      { states: ["queued"] },
      { states: ["active", "blocked", "scheduled"] },
      { states: [] },
      { search: plan },
      { search: plan, states: ["queued"] },
      { orderingKey: "k", states: ["blocked", "scheduled", "queued", "active"] },
      { userId: "u" },
      { messages: ["X"], queues: ["jobs"] },
      { finishedFrom: 0 },
    ];
    for (const filter of filters) {
      const { length } = await idsOf(on, filter);
      assert.deepEqual(await on.engine.inspect.count(filter), { count: length, isExact: true });
    }
  }),

  rule("a reserved job is listed as blocked", async (on) => {
    await on.sendEach({ id: "a", orderingKey: "k" }, { id: "b", orderingKey: "k" });
    await on.takeRun(["a", "b"]);
    assert.deepEqual(await idsOf(on, { states: ["blocked"] }), ["b"]);
    assert.deepEqual(await idsOf(on, { states: ["blocked"], orderingKey: "k" }), ["b"]);
    assert.deepEqual(await idsOf(on, { states: ["active"], orderingKey: "k" }), ["a"]);
  }),

  rule("a full list has the same records as get", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    assert.deepEqual(await listAll(on, {}), [await on.job("a")]);
  }),

  rule("a summary has what the record has, except what may be large", async (on) => {
    await on.sendEach(
      { id: "plain" },
      { id: "done" },
      { id: "late", delay: LATER, priority: 3 },
      { id: "first", orderingKey: "k", envelope: { userId: "u", version: 2 } },
      { id: "wide", dependsOn: Array.from({ length: 40 }, () => "plain"), envelope: { userId: "ü" } },
    );
    await on.take("plain");
    await on.complete(await on.take("done"), '"result"');
    await on.fail(await on.take("first"));
    await on.cancel("late");
    const { jobs } = await on.engine.inspect.list({ fields: "summary", limit: 10 });
    const records = await on.engine.inspect.get(jobs.map(({ id }) => ({ id })));
    assert.deepEqual(
      jobs,
      records.map((record) => {
        const { envelope, bounces, dependsOn, failures, logs, result, progress, ...rest } = record!;
        const { messageType, version, timestamp, userId } = envelope;
        return { ...rest, messageType, version, timestamp, ...(userId !== undefined && { userId }) };
      }),
    );
    assert.deepEqual(new Set(jobs.map(({ state }) => state)).size, 5);
  }),

  rule("list finds jobs by the searchable fields that they were sent with, in any state", async (on) => {
    await on.sendEach(
      { id: "a", messageType: "X", search: { plan: "p1", client: "c1" } },
      { id: "b", messageType: "X", search: { plan: "p2", client: "c1" } },
      { id: "c", messageType: "X", search: { plan: "p1", client: null }, delay: LATER, priority: 2 },
      { id: "d", messageType: "X", search: { plan: null, client: null } },
      { id: "e", messageType: "X" },
      { id: "f", messageType: "X", search: { plan: "p1", client: "c1" }, dependsOn: ["a"], queue: "other" },
      { id: "g", messageType: "Y", search: { plan: "p1", client: "c1" } },
      { id: "h", messageType: "X", search: { plan: "p1" }, envelope: { version: 2 } },
    );
    await on.run("a");
    await on.cancel("h");
    const found = (values: Readonly<Record<string, string>>, rest: JobFilter = {}) =>
      idsOf(on, { search: { message: "X", values }, ...rest });
    assert.deepEqual(await found({ plan: "p1" }), ["h", "f", "c", "a"]);
    assert.deepEqual(await found({ client: "c1" }), ["f", "b", "a"]);
    assert.deepEqual(await found({ plan: "p1", client: "c1" }), ["f", "a"]);
    assert.deepEqual(await found({ plan: "p1" }, { states: ["completed", "scheduled"] }), ["c", "a"]);
    assert.deepEqual(await found({ plan: "p1" }, { states: ["scheduled"] }), ["c"]);
    assert.deepEqual(await found({ plan: "p1" }, { queues: ["other"] }), ["f"]);
    assert.deepEqual(await found({ plan: "p" }), []);
    assert.deepEqual(await found({ plan: "" }), []);
    assert.deepEqual(await found({ trainer: "p1" }), []);
    assert.deepEqual(await idsOf(on, { search: { message: "Z", values: { plan: "p1" } } }), []);
  }),

  rule("searchable fields and their values may contain any text", async (on) => {
    const texts = [
      "",
      " ",
      "a",
      "a\0",
      "a\0b",
      "a\u0001",
      "a\u0001\u0001",
      "a\x000000000000001\0",
      "ü:😀",
      "__proto__",
    ];
    const fields = ["plan.id", "ü:\0", "__proto__"];
    await on.sendBatch(
      ...texts.map((text, index) => ({
        id: `n${index}`,
        search: Object.fromEntries(fields.map((field) => [field, text])),
      })),
    );
    for (const [index, text] of texts.entries()) {
      for (const field of fields) {
        const values = Object.fromEntries([[field, text]]);
        assert.deepEqual(await idsOf(on, { search: { message: "TEST_MESSAGE", values } }), [`n${index}`]);
      }
    }
  }),

  rule("a search finds no jobs that retention, an operator or their end has removed", async (on) => {
    const search = { plan: "p1" };
    const found = () => idsOf(on, { search: { message: "TEST_MESSAGE", values: search } });
    const few = retain({ completed: { count: 1 }, failed: { count: 0 } });
    for (const id of ["a", "b"]) await on.sendEnded("completed", { id, search, retain: few });
    assert.deepEqual(await found(), ["b"]);
    await on.sendEnded("failed", { id: "c", search, retain: few });
    assert.deepEqual(await found(), ["b"]);
    await on.sendEach({ id: "d", search, delay: LATER }, { id: "e", search });
    await on.remove("d");
    assert.deepEqual(await found(), ["e", "b"]);
    await on.run("e");
    await on.engine.operate.clean({ state: "completed", olderThan: 0, limit: 10 });
    assert.deepEqual(await found(), []);
    await on.sendEach({ id: "f", search, retain: few }, { id: "g", dependsOn: ["f"] });
    await on.run("f");
    assert.deepEqual(await found(), ["f"]);
    await on.cancel("g");
    await on.sendEnded("completed", { search, retain: few });
    assert.equal((await found()).includes("f"), false);
  }),

  rule("a job that isn't stored again, or at all, adds nothing to a search", async (on) => {
    const find = (plan: string) => idsOf(on, { search: { message: "TEST_MESSAGE", values: { plan } } });
    await on.send({ id: "a", search: { plan: "p1" } });
    await on.sendBatch({ id: "a", search: { plan: "p2" } }, { id: "b", search: { plan: "p2" } });
    await on.send({ id: "c", search: { plan: "p3" }, dedupe: { key: "k", window: LATER } });
    await on.send({ id: "d", search: { plan: "p3" }, dedupe: { key: "k", window: LATER } });
    assert.equal((await on.offer({ id: "e", search: { plan: "p4" }, dependsOn: ["nowhere"] })).ok, false);
    assert.deepEqual(
      [await find("p1"), await find("p2"), await find("p3"), await find("p4")],
      [["a"], ["b"], ["c"], []],
    );
  }),

  rule("filters together select what each of them does", async (on) => {
    const states = ["completed", "failed", "cancelled", "active", "scheduled", "blocked", "queued"] as const;
    for (const [index, state] of states.entries()) {
      for (const queue of ["one", "two"]) {
        const id = `${state}-${queue}`;
        await on.send({
          id,
          queue,
          messageType: index % 2 === 0 ? "X" : "Y",
          orderingKey: state,
          envelope: { userId: index % 3 === 0 ? "u" : "v" },
          ...(state === "scheduled" && { delay: LATER }),
          ...(state === "blocked" && { dependsOn: [`active-${queue}`] }),
        });
        if (state === "completed" || state === "failed") await on.endNext(state, id, queue);
        if (state === "cancelled") await on.cancel(id);
        if (state === "active") await on.take(id, queue);
      }
    }
    const all = await listAll(on, {});
    const filters: readonly JobFilter[] = [
      { messages: ["X"], userId: "u" },
      { queues: ["one"], userId: "v", states: ["queued", "completed", "failed"] },
      { orderingKey: "failed", messages: ["Y", "X"], finishedFrom: 1 },
      { orderingKey: "queued", states: ["queued", "active"], userId: "u", queues: ["two"] },
    ];
    for (const filter of filters) {
      const expected = all.filter(
        ({ envelope, queue, state, orderingKey, finishedAt }) =>
          (filter.messages?.includes(envelope.messageType) ?? true) &&
          (filter.userId === undefined || filter.userId === envelope.userId) &&
          (filter.queues?.includes(queue) ?? true) &&
          (filter.states?.includes(state) ?? true) &&
          (filter.orderingKey === undefined || filter.orderingKey === orderingKey) &&
          (filter.finishedFrom === undefined || finishedAt !== undefined),
      );
      assert.deepEqual(await idsOf(on, filter), ids(expected));
    }
  }),
]);
