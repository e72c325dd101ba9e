import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import type { Scenario } from "../scenario.ts";
import { LATER } from "../timing.ts";

const keys = (...ids: readonly string[]) => ids.map((id) => ({ id }));

/** A job in each state: `blocked` waits for `active`. */
async function sendInEachState(on: Scenario): Promise<readonly string[]> {
  for (const state of ["completed", "failed", "cancelled"] as const) await on.sendEnded(state, { id: state });
  await on.send({ id: "active" });
  await on.take("active");
  await on.sendEach({ id: "scheduled", delay: LATER }, { id: "queued" });
  await on.send({ id: "blocked", dependsOn: ["active"] });
  return ["completed", "failed", "cancelled", "active", "scheduled", "queued", "blocked"];
}

export const guardedOperationCases = section("guarded operations", [
  rule("an operation leaves jobs as they are that aren't in one of the states asked for", async (on) => {
    const ids = await sendInEachState(on);
    const asIs = Object.fromEntries(
      await Promise.all(ids.map(async (id) => [id, await on.state(id)] as const)),
    );
    const { operate } = on.engine;
    const other = ids.map(() => "other-state");
    assert.deepEqual(await operate.cancel(keys(...ids), "no", { states: [] }), other);
    assert.deepEqual(await operate.cancel(keys("queued", "scheduled"), "no", { states: ["blocked"] }), [
      "other-state",
      "other-state",
    ]);
    assert.deepEqual(await operate.retry(keys(...ids), { states: ["queued"] }), [
      ...other.slice(0, 5),
      "not-failed",
      "other-state",
    ]);
    assert.deepEqual(await operate.promote(keys("scheduled"), { states: ["blocked", "queued"] }), [
      "other-state",
    ]);
    assert.deepEqual(await operate.remove(keys("queued", "completed"), { states: ["failed"] }), [
      "other-state",
      "other-state",
    ]);
    await on.expect(asIs);
  }),

  rule("an operation takes the jobs in one of the states asked for", async (on) => {
    await sendInEachState(on);
    const { operate } = on.engine;
    assert.deepEqual(await operate.promote(keys("scheduled", "unknown"), { states: ["scheduled"] }), [
      "promoted",
      "unknown",
    ]);
    assert.deepEqual(await operate.retry(keys("failed", "cancelled"), { states: ["failed"] }), [
      "retried",
      "other-state",
    ]);
    assert.deepEqual(
      await operate.cancel(keys("active", "blocked"), "no", { states: ["blocked", "queued"] }),
      ["other-state", "cancelled"],
    );
    assert.deepEqual(await operate.remove(keys("queued", "completed"), { states: ["completed", "queued"] }), [
      "removed",
      "removed",
    ]);
    await on.expect({ scheduled: "queued", failed: "queued", cancelled: "cancelled", active: "active" });
  }),

  rule(
    "a guard goes by the state at each job's turn: one that an earlier job has changed is left",
    async (on) => {
      await on.send({ id: "a" });
      await on.send({ id: "b", dependsOn: ["a"] });
      const outcomes = await on.engine.operate.cancel(keys("a", "b"), "no", {
        states: ["queued", "blocked"],
      });
      assert.deepEqual(outcomes, ["cancelled", "other-state"]);
    },
  ),

  rule("a forced removal takes a job from its worker, whose report is stale", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: [{ job: "a", onFailure: "run" }] });
    const lease = await on.take("a");
    assert.deepEqual(await on.engine.operate.remove(keys("a")), ["active"]);
    assert.deepEqual(await on.engine.operate.remove(keys("a"), { force: true }), ["removed"]);
    assert.equal(await on.beat(lease), "lost");
    assert.deepEqual(await on.settle({ ...lease, type: "complete" }), ["stale"]);
    assert.equal(await on.isStored("a"), false);
    assert.equal((await on.counts()).states.active, 0);
    await on.run("b");
    assert.deepEqual(await on.engine.operate.remove(keys("a"), { force: true }), ["unknown"]);
  }),

  rule("a forced removal passes the ordering key on, and ends the reservations behind", async (on) => {
    await on.sendEach(...["a", "b", "c", "d"].map((id) => ({ id, orderingKey: "k" })));
    const [a, b, c] = await on.takeRun(["a", "b", "c"]);
    assert.deepEqual(await on.engine.operate.remove(keys("a"), { force: true }), ["removed"]);
    assert.deepEqual(await on.settle({ ...a!, type: "complete" }, { ...b!, type: "complete" }), [
      "stale",
      "stale",
    ]);
    assert.equal(await on.beat(c!), "lost");
    await on.expect({ b: "queued", c: "blocked", d: "blocked" });
    assert.deepEqual(await on.runAll(), ["b", "c", "d"]);
  }),

  rule("a forced removal takes a reserved job out of its run", async (on) => {
    await on.sendEach(...["a", "b", "c", "d"].map((id) => ({ id, orderingKey: "k" })));
    const [a, b] = await on.takeRun(["a", "b", "c"]);
    assert.deepEqual(await on.engine.operate.remove(keys("b"), { force: true, states: ["blocked"] }), [
      "removed",
    ]);
    assert.equal(await on.beat(b!), "lost");
    await on.complete(a!);
    assert.deepEqual(await on.runAll(), ["c", "d"]);
  }),

  rule("a forced removal takes jobs that were told to stop", async (on) => {
    await on.sendEach(
      { id: "a", orderingKey: "k" },
      { id: "b", orderingKey: "k" },
      { id: "c", orderingKey: "k" },
    );
    await on.takeRun(["a", "b"]);
    assert.deepEqual(await on.engine.operate.cancel(keys("a", "b"), "no"), ["cancelling", "cancelling"]);
    assert.deepEqual(await on.engine.operate.remove(keys("b", "a"), { force: true }), ["removed", "removed"]);
    assert.deepEqual(await on.runAll(), ["c"]);
  }),
]);
