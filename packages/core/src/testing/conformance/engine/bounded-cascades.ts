import assert from "node:assert/strict";
import type { DependencyFailurePolicy } from "../../../engine/job.ts";
import type { JobState } from "../../../engine/state-machine.ts";
import { rule, section } from "../case.ts";
import type { JobSpec } from "../new-job.ts";
import { retain } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";

/** More dependents than one step decides. An engine without such a bound decides all of them at once. */
const MANY = 1_500;
const PER_SEND = 750;

const on = (job: string, onFailure: DependencyFailurePolicy) => ({ job, onFailure });

/** Sends jobs that depend on a job, and returns their ids. */
async function sendDependents(it: Scenario, job: string, specs: readonly JobSpec[] = []) {
  const plain: readonly JobSpec[] = Array.from({ length: MANY - specs.length }, (_, index) => ({
    id: `d${index}`,
  }));
  const all = [...plain, ...specs].map((spec) => ({ dependsOn: [job], ...spec }));
  for (let start = 0; start < all.length; start += PER_SEND) {
    await it.sendBatch(...all.slice(start, start + PER_SEND));
  }
  return all.map(({ id }) => id!);
}

/** Asserts that the decided dependents are the first ones, and returns the ids of the rest. */
async function undecided(
  it: Scenario,
  ids: readonly string[],
  decided: JobState,
): Promise<readonly string[]> {
  const states = (await it.engine.inspect.get(ids.map((id) => ({ id })))).map((record) => record?.state);
  const first = states.findIndex((state) => state !== decided);
  const rest = first < 0 ? [] : ids.slice(first);
  assert(first !== 0, "a step decides some");
  assert(
    states.slice(ids.length - rest.length).every((state) => state === "blocked"),
    "the others are blocked",
  );
  for (const id of [rest[0], rest.at(-1)]) {
    if (id === undefined) continue;
    const [edge] = (await it.edges(id)).dependencies;
    assert.deepEqual([edge?.pending, edge?.undecided], [true, true], `${id} is left to a later step`);
  }
  return rest;
}

async function expectAll(it: Scenario, ids: readonly string[], state: JobState): Promise<void> {
  const found = new Set(
    (await it.engine.inspect.get(ids.map((id) => ({ id })))).map((record) => record?.state),
  );
  assert.deepEqual([...found], ids.length === 0 ? [] : [state]);
}

export const boundedCascadeCases = section("more dependents than one step decides", [
  rule(
    "a success releases the first dependents at once and the others in later steps, in send order",
    async (it) => {
      await it.send({ id: "root" });
      const ids = await sendDependents(it, "root");
      await it.run("root");
      const rest = await undecided(it, ids, "queued");
      assert.deepEqual(await it.waitingFor("root"), rest.slice(0, 100));
      await it.recover();
      await expectAll(it, ids, "queued");
      assert.deepEqual(await it.waitingFor("root"), []);
      assert.deepEqual(await it.claimIds(MANY), ids);
    },
  ),

  rule("claims continue the cascade, without maintenance", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.run("root");
    const claimed: string[] = [];
    while (claimed.length < MANY) {
      const some = await it.claimIds(MANY);
      assert(some.length > 0, "each claim returns jobs that it has released");
      claimed.push(...some);
    }
    assert.deepEqual(claimed, ids);
  }),

  rule("a run includes the follower that its own claim releases", async (it) => {
    await it.send({ id: "root" });
    await it.send({ id: "first", orderingKey: "k" });
    // More than one step decides and fewer than two.
    const before = Array.from({ length: 700 }, (_, index) => ({ id: `d${index}`, dependsOn: ["root"] }));
    await it.sendBatch(...before, { id: "second", dependsOn: ["root"], orderingKey: "k" });
    await it.run("root");
    const { jobs: claimed } = await it.engine.core.claim({
      queues: ["jobs"],
      limit: 2,
      lease: 60_000,
      run: 2,
    });
    assert.deepEqual(
      claimed.map(({ id }) => id),
      ["first", "second"],
    );
  }),

  rule("a failure cancels the first dependents at once and the others in later steps", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    await undecided(it, ids, "cancelled");
    await it.recover();
    await expectAll(it, ids, "cancelled");
    assert.equal((await it.counts()).states.cancelled, MANY);
    assert.match((await it.job(ids.at(-1)!)).error!, /BROKEN/);
  }),

  rule("the dependents of dependents are decided in later steps too", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.sendBatch(
      { id: "leaf", dependsOn: [ids.at(-1)!] },
      { id: "fruit", dependsOn: [on("leaf", "run")] },
    );
    await it.fail(await it.take("root"));
    await it.recover();
    await it.expect({ leaf: "cancelled", fruit: "queued" });
  }),

  rule("a job may be sent as a dependent after all remaining ones were removed", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    const rest = await undecided(it, ids, "cancelled");
    if (rest.length > 0) await it.engine.operate.remove(rest.map((id) => ({ id })));
    await it.send({ id: "late", dependsOn: [on("root", "hold")] });
    await it.recover();
    await it.expect({ root: "failed", late: "blocked" });
  }),

  rule("another process continues where one has stopped", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    const peer = await it.peer();
    while ((await peer.core.recover()).more);
    await expectAll(it, ids, "cancelled");
  }),

  rule("the policy of each dependent applies in a later step as in the first", async (it) => {
    await it.send({ id: "root" });
    await sendDependents(it, "root", [
      { id: "run", dependsOn: [on("root", "run")] },
      { id: "hold", dependsOn: [on("root", "hold")] },
      { id: "cancel", dependsOn: [on("root", "cancel")] },
    ]);
    await it.fail(await it.take("root"));
    await it.recover();
    await it.expect({ run: "queued", hold: "blocked", cancel: "cancelled" });
    assert.equal((await it.edges("hold")).dependencies[0]?.undecided, undefined);
    await it.retry("root");
    await it.run("root");
    await it.expect({ hold: "queued" });
  }),

  rule("a few dependents of another job are still decided at once", async (it) => {
    await it.sendBatch({ id: "root" }, { id: "small" }, { id: "after", dependsOn: ["small"] });
    await sendDependents(it, "root");
    await it.run("root");
    await it.complete((await it.claim(1))[0]!);
    await it.expect({ small: "completed", after: "queued" });
  }),

  rule("after a retry of the failed job, the remaining dependents wait for it", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    const rest = await undecided(it, ids, "cancelled");
    await it.retry("root");
    await it.recover();
    await expectAll(it, rest, "blocked");
    for (const id of rest.slice(0, 1)) {
      assert.equal((await it.edges(id)).dependencies[0]?.undecided, undefined);
    }
    await it.run("root");
    await it.recover();
    await expectAll(it, rest, "queued");
    await expectAll(it, ids.slice(0, MANY - rest.length), "cancelled");
  }),

  rule("a dependent cancelled before its turn keeps its own reason, and ends once", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root", [{ id: "last" }, { id: "after", dependsOn: ["last"] }]);
    await it.fail(await it.take("root"));
    if ((await it.state("last")) === "blocked") await it.cancel("last", "by hand");
    const { error } = await it.job("last");
    await it.recover();
    assert.equal((await it.job("last")).error, error);
    await it.expect({ after: "cancelled" });
    assert.equal((await it.counts()).states.cancelled, ids.length);
  }),

  rule(
    "a dependent cancelled before its turn and then retried waits for its dependency's retry",
    async (it) => {
      await it.send({ id: "root" });
      await sendDependents(it, "root", [{ id: "last" }]);
      await it.fail(await it.take("root"));
      if ((await it.state("last")) === "blocked") await it.cancel("last");
      await it.retry("last");
      await it.recover();
      await it.expect({ last: "blocked" });
      await it.retry("root");
      await it.run("root");
      await it.expect({ last: "queued" });
    },
  ),

  rule("a dependent removed before its turn is gone, and its own dependents are decided", async (it) => {
    await it.send({ id: "root" });
    await sendDependents(it, "root", [{ id: "last" }, { id: "after", dependsOn: ["last"] }]);
    await it.fail(await it.take("root"));
    await it.remove("last");
    await it.recover();
    assert.equal(await it.isStored("last"), false);
    await it.expect({ after: "cancelled" });
  }),

  rule("removing the failed job decides all remaining dependents, including holders", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root", [{ id: "hold", dependsOn: [on("root", "hold")] }]);
    await it.fail(await it.take("root"));
    await it.remove("root");
    await it.recover();
    await expectAll(it, ids, "cancelled");
  }),

  rule("removing an unfinished job cancels all its dependents", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root", [{ id: "hold", dependsOn: [on("root", "hold")] }]);
    await it.remove("root");
    assert.equal(await it.isStored("root"), false);
    const rest = await undecided(it, ids.slice(0, -1), "cancelled");
    if (rest.length > 0) {
      const again = await it.offer({ id: "root" });
      assert(again.ok && !again.jobs[0]!.created, "its id is still known");
    }
    await it.recover();
    await expectAll(it, ids, "cancelled");
  }),

  rule("removing a completed job still releases all remaining dependents", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.run("root");
    await it.remove("root");
    await it.recover();
    await expectAll(it, ids, "queued");
  }),

  rule("retention spares a job until its last dependent is decided", async (it) => {
    const none = retain({ completed: { count: 0 }, failed: { count: 0 } });
    await it.send({ id: "root", messageType: "ROOT", retain: none });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    const rest = await undecided(it, ids, "cancelled");
    assert.equal(await it.isStored("root"), rest.length > 0);
    await it.recover();
    await expectAll(it, ids, "cancelled");
    assert.equal(await it.isStored("root"), false);
  }),

  rule("dependents that two jobs share are decided by whichever comes first", async (it) => {
    await it.sendBatch({ id: "good" }, { id: "bad" });
    const ids = await sendDependents(
      it,
      "good",
      Array.from({ length: MANY }, (_, index) => ({ id: `s${index}`, dependsOn: ["good", "bad"] })),
    );
    await it.run("good");
    await it.fail(await it.take("bad"));
    await it.recover();
    await expectAll(it, ids, "cancelled");
    assert.equal((await it.counts()).states.cancelled, MANY);
    assert.equal((await it.counts()).states.blocked, 0);
  }),

  rule("a job sent in between waits for a remaining dependent, and is cancelled with it", async (it) => {
    await it.send({ id: "root" });
    const ids = await sendDependents(it, "root");
    await it.fail(await it.take("root"));
    const rest = await undecided(it, ids, "cancelled");
    await it.send({ id: "late", dependsOn: [ids.at(-1)!] });
    await it.expect({ late: rest.length > 0 ? "blocked" : "cancelled" });
    await it.send({ id: "later", dependsOn: ["root"] });
    await it.expect({ later: "cancelled" });
    await it.recover();
    await it.expect({ late: "cancelled" });
  }),
]);
