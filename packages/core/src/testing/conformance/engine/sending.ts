import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { newJob } from "../new-job.ts";
import { LATER } from "../timing.ts";

export const sendingCases = section("sending", [
  rule("the caller gets an id only after the engine has stored the job", async (on) => {
    const id = await on.send({ id: "a" });
    const [seen] = await (await on.peer()).inspect.get([{ id }]);
    assert.equal(seen?.state, "queued");
  }),

  rule("every field of the envelope is returned as it was sent", async (on) => {
    const envelope = {
      version: 7,
      timestamp: "2020-02-29T23:59:59.999+05:30",
      userId: "user 1",
      metadata: '{"tenant":"å"}',
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    await on.send({ id: "a", messageType: "OTHER", data: '{"n":1}', envelope });
    const expected = { ...envelope, id: "a", messageType: "OTHER", data: '{"n":1}' };
    assert.deepEqual({ ...(await on.job("a")).envelope }, expected);
    assert.deepEqual({ ...(await on.take("a")).envelope }, expected);
  }),

  rule("optional fields that weren't sent are absent", async (on) => {
    await on.send({ id: "a" });
    const keys = ["data", "id", "messageType", "timestamp", "version"];
    assert.deepEqual(Object.keys((await on.job("a")).envelope).sort(), keys);
    assert.deepEqual(Object.keys((await on.take("a")).envelope).sort(), keys);
  }),

  rule("an engine keeps payloads byte for byte", async (on) => {
    const payloads = [
      "[]",
      '{ "spaced" : [ ] }',
      '{"big":9007199254740993,"tiny":1e-400}',
      JSON.stringify('emoji 🏋️, quote ", backslash \\, newline \n, nul \u0000, separator \u2028'),
      JSON.stringify({ text: "x".repeat(200_000) }),
      JSON.stringify("half a pair \ud83d, and the other \ude00"),
    ];
    for (const [index, data] of payloads.entries()) {
      const id = await on.send({ id: `p${index}`, data });
      const lease = await on.take(id);
      assert.equal(lease.envelope.data, data);
      await on.complete(lease, data);
      assert.equal((await on.job(id)).result, data);
    }
  }),

  rule("undefined data is stored as no text, and an undefined result as none", async (on) => {
    const id = await on.send({ id: "a", data: "" });
    const lease = await on.take(id);
    assert.equal(lease.envelope.data, "");
    await on.complete(lease);
    const job = await on.job(id);
    assert.equal(job.envelope.data, "");
    assert.equal("result" in job, false);
  }),

  rule("a repeat of the same send stores one job", async (on) => {
    const first = await on.offer({ id: "a", data: "1" });
    const second = await on.offer({ id: "a", data: "2" });
    assert.deepEqual(first, { ok: true, jobs: [{ id: "a", created: true }] });
    assert.deepEqual(second, { ok: true, jobs: [{ id: "a", created: false }] });
    assert.equal((await on.job("a")).envelope.data, "1");
    assert.deepEqual(await on.claimIds(), ["a"]);
    assert.equal((await on.counts()).states.active, 1);
  }),

  rule("concurrent repeats of one send store one job", async (on) => {
    const peer = await on.peer();
    const batches = [{ jobs: [newJob({ id: "a" })] }];
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? peer : on.engine).core.enqueue(batches)),
    );
    const created = outcomes.flat().filter((outcome) => outcome.ok && outcome.jobs[0]?.created);
    assert.equal(created.length, 1);
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("a repeat inside one call stores one job", async (on) => {
    const outcomes = await on.engine.core.enqueue([
      { jobs: [newJob({ id: "a" })] },
      { jobs: [newJob({ id: "a" }), newJob({ id: "b" })] },
    ]);
    assert.deepEqual(outcomes, [
      { ok: true, jobs: [{ id: "a", created: true }] },
      {
        ok: true,
        jobs: [
          { id: "a", created: false },
          { id: "b", created: true },
        ],
      },
    ]);
    assert.deepEqual(await on.claimIds(), ["a", "b"]);
  }),

  rule("a job that occurs twice in a batch is stored once, also one that waits", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "a", orderingKey: "k" }, { id: "b", delay: LATER }, { id: "b" });
    await on.expect({ a: "queued", b: "scheduled" });
    assert.deepEqual(await on.claimIds(), ["a"]);
  }),

  rule("repeating the send of a finished job doesn't run it again", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    const repeat = await on.offer({ id: "a" });
    assert.deepEqual(repeat, { ok: true, jobs: [{ id: "a", created: false }] });
    await on.expect({ a: "completed" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("repeating the send of a removed job doesn't store it again", async (on) => {
    await on.send({ id: "a" });
    await on.remove("a");
    const repeat = await on.offer({ id: "a" });
    assert.deepEqual(repeat, { ok: true, jobs: [{ id: "a", created: false }] });
    assert.equal(await on.isStored("a"), false);
  }),

  rule("a batch returns a result for each of its jobs, in order", async (on) => {
    await on.send({ id: "b" });
    assert.deepEqual(await on.offer({ id: "c" }, { id: "b" }, { id: "a" }), {
      ok: true,
      jobs: [
        { id: "c", created: true },
        { id: "b", created: false },
        { id: "a", created: true },
      ],
    });
    assert.deepEqual(await on.claimIds(), ["b", "c", "a"]);
  }),

  rule("a batch is all or nothing", async (on) => {
    const outcome = await on.offer({ id: "a" }, { id: "b", dependsOn: ["nowhere"] }, { id: "c" });
    assert.equal(outcome.ok, false);
    assert.deepEqual(await on.engine.inspect.get([{ id: "a" }, { id: "b" }, { id: "c" }]), [
      null,
      null,
      null,
    ]);
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("refusing one batch doesn't affect others", async (on) => {
    const outcomes = await on.engine.core.enqueue([
      { jobs: [newJob({ id: "a" })] },
      { jobs: [newJob({ id: "b", dependsOn: ["nowhere"] })] },
      { jobs: [newJob({ id: "c", dependsOn: ["a"] })] },
    ]);
    assert.deepEqual(
      outcomes.map(({ ok }) => ok),
      [true, false, true],
    );
    await on.expect({ a: "queued", c: "blocked" });
    assert.equal(await on.isStored("b"), false);
  }),

  rule("a refused id can be sent again", async (on) => {
    await on.offer({ id: "a", dependsOn: ["nowhere"] });
    assert.deepEqual(await on.offer({ id: "a" }), { ok: true, jobs: [{ id: "a", created: true }] });
  }),

  rule("an id of another message's job is refused, whatever became of that job", async (on) => {
    await on.send({ id: "waiting", messageType: "A" });
    await on.send({ id: "removed", messageType: "A" });
    await on.remove("removed");
    for (const id of ["waiting", "removed"]) {
      const refusal = { ok: false, reason: "id-in-use", id, messageType: "A" };
      assert.deepEqual(await on.offer({ id, messageType: "B" }), refusal);
      assert.deepEqual(await on.offer({ id, messageType: "B", delay: LATER }), refusal);
      assert.deepEqual(await on.offer({ id, messageType: "A" }), {
        ok: true,
        jobs: [{ id, created: false }],
      });
      // Another version, or other limits, are the same message.
      const later = { id, messageType: "A", envelope: { version: 9 }, maxAttempts: 9 };
      assert.deepEqual(await on.offer(later), { ok: true, jobs: [{ id, created: false }] });
    }
    assert.deepEqual(await on.claimIds(), ["waiting"]);
  }),

  rule("a batch with an id of another message's job stores nothing", async (on) => {
    await on.send({ id: "used", messageType: "A" });
    const refusal = { ok: false, reason: "id-in-use", id: "used", messageType: "A" };
    const other = { id: "used", messageType: "B" };
    assert.deepEqual(await on.offer({ id: "a", messageType: "B" }, other), refusal);
    assert.deepEqual(await on.offer({ id: "a", messageType: "C" }, other), refusal);
    assert.deepEqual(await on.offer({ id: "a", messageType: "B", dependsOn: ["used"] }, other), refusal);
    const many = Array.from({ length: 2_500 }, (_, index) => ({ id: `n${index}`, messageType: "B" }));
    assert.deepEqual(await on.offer(...many, other), refusal);
    const twice = await on.offer({ id: "b", messageType: "A" }, { id: "b", messageType: "B" });
    assert.deepEqual(twice, { ok: false, reason: "id-in-use", id: "b", messageType: "A" });
    assert.deepEqual(await on.claimIds(), ["used"]);
  }),

  rule("an id of another message's job doesn't affect other batches", async (on) => {
    await on.send({ id: "used", messageType: "A" });
    const outcomes = await on.engine.core.enqueue([
      { jobs: [newJob({ id: "a", messageType: "B" })] },
      { jobs: [newJob({ id: "used", messageType: "B" })] },
      { jobs: [] },
      { jobs: [newJob({ id: "a", messageType: "B" })] },
      { jobs: [newJob({ id: "b", messageType: "B" }), newJob({ id: "c", messageType: "B" })] },
    ]);
    assert.deepEqual(outcomes, [
      { ok: true, jobs: [{ id: "a", created: true }] },
      { ok: false, reason: "id-in-use", id: "used", messageType: "A" },
      { ok: true, jobs: [] },
      { ok: true, jobs: [{ id: "a", created: false }] },
      {
        ok: true,
        jobs: [
          { id: "b", created: true },
          { id: "c", created: true },
        ],
      },
    ]);
    assert.deepEqual(await on.claimIds(), ["used", "a", "b", "c"]);
  }),

  rule("a batch of a thousand jobs is stored in order", async (on) => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `n${index}`);
    await on.sendBatch(...ids.map((id) => ({ id })));
    assert.deepEqual(await on.claimIds(1_000), ids);
  }),
]);
