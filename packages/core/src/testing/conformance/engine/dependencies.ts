import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { LATER, SOON } from "../timing.ts";

export const dependencyCases = section("dependencies", [
  rule("a job runs after its dependency", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    const [a, ...others] = await on.claim(100);
    assert.deepEqual([a!.id, others], ["a", []]);
    await on.complete(a!);
    assert.deepEqual(await on.claimIds(), ["b"]);
  }),

  rule("a job may depend on any number of jobs, and waits for the last", async (on) => {
    const parents = Array.from({ length: 50 }, (_, index) => `p${index}`);
    await on.sendBatch(...parents.map((id) => ({ id })));
    await on.send({ id: "child", dependsOn: parents });
    for (const id of parents) {
      await on.expect({ child: "blocked" });
      await on.run(id);
    }
    await on.expect({ child: "queued" });
  }),

  rule("any number of jobs may share a dependency", async (on) => {
    const children = Array.from({ length: 50 }, (_, index) => `c${index}`);
    await on.send({ id: "a" });
    await on.sendBatch(...children.map((id) => ({ id, dependsOn: ["a"] })));
    assert.deepEqual(await on.runAll(), ["a", ...children]);
  }),

  rule("many to many: each job waits for all of its dependencies", async (on) => {
    await on.sendBatch({ id: "a" }, { id: "b" });
    await on.sendBatch({ id: "x", dependsOn: ["a", "b"] }, { id: "y", dependsOn: ["b"] });
    await on.run("a");
    await on.expect({ x: "blocked", y: "blocked" });
    await on.run("b");
    await on.expect({ x: "queued", y: "queued" });
  }),

  rule("a diamond of dependencies runs from top to bottom", async (on) => {
    await on.sendBatch(
      { id: "top" },
      { id: "left", dependsOn: ["top"] },
      { id: "right", dependsOn: ["top"] },
      { id: "bottom", dependsOn: ["left", "right"] },
    );
    assert.deepEqual(await on.runAll(), ["top", "left", "right", "bottom"]);
  }),

  rule("a job may depend on a job in another queue", async (on) => {
    await on.sendEach({ id: "a", queue: "here" }, { id: "b", queue: "there", dependsOn: ["a"] });
    assert.deepEqual(await on.claimIds(10, ["there"]), []);
    await on.run("a", "here");
    assert.deepEqual(await on.claimIds(10, ["there"]), ["b"]);
  }),

  rule("in a batch, a job may come before its dependency", async (on) => {
    await on.sendBatch({ id: "b", dependsOn: ["a"] }, { id: "a" });
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a dependent waits for a queued, active, blocked or scheduled job", async (on) => {
    await on.send({ id: "active" });
    await on.take("active");
    await on.sendEach(
      { id: "queued" },
      { id: "blocked", dependsOn: ["queued"] },
      { id: "scheduled", delay: LATER },
    );
    for (const state of ["queued", "active", "blocked", "scheduled"] as const) {
      await on.expect({ [state]: state });
      const child = await on.send({ dependsOn: [state] });
      await on.expect({ [child]: "blocked" });
    }
  }),

  rule("a completed dependency is satisfied at once", async (on) => {
    await on.sendEnded("completed", { id: "a" });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.expect({ b: "queued" });
  }),

  rule("an unknown dependency is refused by id, and nothing is stored", async (on) => {
    await on.send({ id: "known" });
    const outcome = await on.offer({ id: "b", dependsOn: ["nowhere", "known", "nobody"] });
    assert(!outcome.ok && outcome.reason === "dependency-not-found");
    assert.deepEqual([...outcome.missing].sort(), ["nobody", "nowhere"]);
    assert.equal(await on.isStored("b"), false);
  }),

  rule("a cycle of two jobs in a batch is refused by id, and nothing is stored", async (on) => {
    const outcome = await on.offer({ id: "a", dependsOn: ["b"] }, { id: "b", dependsOn: ["a"] });
    assert(!outcome.ok && outcome.reason === "dependency-cycle");
    assert.deepEqual(new Set(outcome.cycle), new Set(["a", "b"]));
    assert.deepEqual(await on.engine.inspect.get([{ id: "a" }, { id: "b" }]), [null, null]);
  }),

  rule("a longer cycle is reported without jobs outside it", async (on) => {
    const outcome = await on.offer(
      { id: "before" },
      { id: "a", dependsOn: ["c", "before"] },
      { id: "b", dependsOn: ["a"] },
      { id: "c", dependsOn: ["b"] },
      { id: "after", dependsOn: ["c"] },
    );
    assert(!outcome.ok && outcome.reason === "dependency-cycle");
    assert.deepEqual(new Set(outcome.cycle), new Set(["a", "b", "c"]));
  }),

  rule("a job can't depend on itself", async (on) => {
    const outcome = await on.offer({ id: "a", dependsOn: ["a"] });
    assert(!outcome.ok && outcome.reason === "dependency-cycle");
    assert.deepEqual(new Set(outcome.cycle), new Set(["a"]));
  }),

  rule("a dependency named twice counts once", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a", "a"] });
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("settling the last dependency makes the dependent runnable in the same step", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    const { id, epoch, token } = await on.take("a");
    const reply = await on.engine.core.settle({
      outcomes: [{ id, epoch, token, type: "complete" }],
      claim: { queues: ["jobs"], limit: 1, lease: 30_000 },
    });
    assert.deepEqual(reply.verdicts, ["accepted"]);
    assert.deepEqual(
      reply.claimed.map((job) => job.id),
      ["b"],
    );
  }),

  rule("a stale settlement releases no dependent", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    const { id, epoch, token } = await on.take("a");
    assert.deepEqual(await on.settle({ id, token, epoch: epoch + 1, type: "complete" }), ["stale"]);
    await on.expect({ b: "blocked" });
  }),

  rule("a dependency between two attempts is still pending", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await on.retryAttempt(await on.take("a"));
    await on.expect({ b: "blocked" });
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("a released dependent keeps its place in send order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] }, { id: "c" });
    await on.run("a");
    assert.deepEqual(await on.claimIds(), ["b", "c"]);
  }),

  rule("a dependent released before its delay has passed is scheduled", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"], delay: LATER });
    await on.run("a");
    await on.expect({ b: "scheduled" });
    assert.deepEqual(await on.claimIds(), []);
  }),

  rule("a delay counts from the send: a dependent released later is queued", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"], delay: SOON });
    await on.elapse(SOON);
    await on.expect({ b: "blocked" });
    await on.run("a");
    await on.expect({ b: "queued" });
  }),

  rule("a claimed job lists its dependencies, so that results can be read", async (on) => {
    await on.send({ id: "a" });
    await on.complete(await on.take("a"), '{"answer":42}');
    await on.send({ id: "b", dependsOn: ["a"] });
    const lease = await on.take("b");
    assert.deepEqual(lease.dependsOn, ["a"]);
    const [dependency] = await on.engine.inspect.get(lease.dependsOn.map((id) => ({ id })));
    assert.equal(dependency?.result, '{"answer":42}');
  }),

  rule("edges show what a blocked job waits for, and who waits for a job", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" }, { id: "c" });
    await on.run("a");
    const hold = { job: "b", onFailure: "hold" } as const;
    await on.send({ id: "child", dependsOn: ["a", hold, "c"] });
    const { dependencies, dependents, behind } = await on.edges("child");
    assert.deepEqual(
      dependencies.map((edge) => ({ ...edge })),
      [
        { job: "a", onFailure: "cancel", state: "completed", pending: false },
        { job: "b", onFailure: "hold", state: "queued", pending: true },
        { job: "c", onFailure: "cancel", state: "queued", pending: true },
      ],
    );
    assert.deepEqual(dependents, []);
    assert.equal(behind, undefined);
    assert.deepEqual(await on.waitingFor("b"), ["child"]);
    assert.deepEqual(await on.waitingFor("a"), []);
  }),

  rule("edges of a job that isn't stored are null", async (on) => {
    assert.deepEqual(await on.engine.inspect.edges([{ id: "nowhere" }]), [null]);
  }),

  rule("a chain of two thousand jobs runs to its end", async (on) => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `n${index}`);
    await on.sendBatch(...ids.map((id, index) => ({ id, dependsOn: index === 0 ? [] : [ids[index - 1]!] })));
    assert.deepEqual(await on.runAll(), ids);
  }),
]);
