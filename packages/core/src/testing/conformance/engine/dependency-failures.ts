import assert from "node:assert/strict";
import type { DependencyFailurePolicy } from "../../../engine/job.ts";
import { rule, section } from "../case.ts";
import { SHORT_LEASE } from "../timing.ts";

const POLICIES = ["cancel", "run", "hold"] as const;
const on = (job: string, onFailure: DependencyFailurePolicy) => ({ job, onFailure });

/** One dependent per policy, named after it. */
const dependents = (job: string) => POLICIES.map((policy) => ({ id: policy, dependsOn: [on(job, policy)] }));

const decided = { cancel: "cancelled", run: "queued", hold: "blocked" } as const;

export const dependencyFailureCases = section("dependencies that fail", [
  rule("when a dependency fails, the policy of each dependent applies", async (it) => {
    await it.send({ id: "a" });
    await it.sendBatch(...dependents("a"));
    await it.fail(await it.take("a"));
    await it.expect(decided);
    assert.equal(await it.errorCode("cancel"), "DEPENDENCY_FAILED");
  }),

  rule("when a dependency is cancelled, the policy of each dependent applies", async (it) => {
    await it.send({ id: "a" });
    await it.sendBatch(...dependents("a"));
    await it.cancel("a");
    await it.expect(decided);
    assert.equal(await it.errorCode("cancel"), "DEPENDENCY_FAILED");
  }),

  rule("when a dependency fails with STALLED, the policy of each dependent applies", async (it) => {
    await it.send({ id: "a", maxStalls: 1 });
    await it.sendBatch(...dependents("a"));
    await it.take("a", undefined, SHORT_LEASE);
    await it.elapse(SHORT_LEASE);
    await it.recover();
    await it.expect({ a: "failed", ...decided });
  }),

  rule("a dependency that has failed already applies the policy at once", async (it) => {
    await it.sendEnded("failed", { id: "a" });
    await it.sendBatch(...dependents("a"));
    await it.expect(decided);
    assert.equal(await it.errorCode("cancel"), "DEPENDENCY_FAILED");
  }),

  rule("a dependency that was cancelled already applies the policy at once", async (it) => {
    await it.sendEnded("cancelled", { id: "a" });
    await it.sendBatch(...dependents("a"));
    await it.expect(decided);
  }),

  rule("cancelling cascades to the dependents of dependents, however deep", async (it) => {
    const ids = Array.from({ length: 2_000 }, (_, index) => `n${index}`);
    await it.sendBatch(...ids.map((id, index) => ({ id, dependsOn: index === 0 ? [] : [ids[index - 1]!] })));
    await it.fail(await it.take("n0"));
    await it.recover();
    const records = await it.engine.inspect.get(ids.slice(1).map((id) => ({ id })));
    assert(records.every((record) => record?.state === "cancelled"));
    assert.equal((await it.counts()).states.cancelled, 1_999);
  }),

  rule("a cascade stops at a dependent with the policy `run`", async (it) => {
    await it.sendBatch(
      { id: "a" },
      { id: "b", dependsOn: ["a"] },
      { id: "c", dependsOn: [on("b", "run")] },
      { id: "d", dependsOn: ["c"] },
    );
    await it.fail(await it.take("a"));
    await it.expect({ b: "cancelled", c: "queued", d: "blocked" });
    assert.deepEqual(await it.runAll(), ["c", "d"]);
  }),

  rule("a failed dependency cascades through a batch that is sent later", async (it) => {
    await it.sendEnded("failed", { id: "a" });
    await it.sendBatch({ id: "c", dependsOn: ["b"] }, { id: "b", dependsOn: ["a"] });
    await it.expect({ b: "cancelled", c: "cancelled" });
  }),

  rule("the error of a cascade names the failed job", async (it) => {
    await it.sendEach({ id: "culprit" }, { id: "b", dependsOn: ["culprit"] });
    await it.fail(await it.take("culprit"));
    assert.match(JSON.parse((await it.job("b")).error!).message, /culprit/);
  }),

  rule("the error at the end of a chain names the first job: id, message, code and text", async (it) => {
    await it.sendBatch(
      { id: "a", messageType: "SCAN" },
      { id: "b", dependsOn: ["a"] },
      { id: "c", dependsOn: ["b"] },
      { id: "d", dependsOn: [on("c", "run")] },
    );
    await it.fail(await it.take("a"), JSON.stringify({ code: "NO_DISK", message: 'no "disk"', name: "E" }));
    for (const [id, names] of [
      ["b", "The job a that this one depends on failed."],
      ["c", "The job b that this one depends on was cancelled."],
    ] as const) {
      assert.deepEqual(JSON.parse((await it.job(id)).error!), {
        code: "DEPENDENCY_FAILED",
        message: `${names} Root cause: job a (SCAN), NO_DISK: no "disk"`,
        root: { id: "a", messageType: "SCAN", code: "NO_DISK" },
      });
    }
    await it.sendBatch({ id: "later", dependsOn: ["c"] });
    assert.deepEqual(JSON.parse((await it.job("later")).error!).root.id, "a");
  }),

  rule("the error has at most 200 whole characters of the first job's text", async (it) => {
    const text = (message: string) => JSON.stringify({ code: "BROKEN", message, stack: "at somewhere" });
    const cut = {
      a: "😀".repeat(200),
      b: "😀".repeat(201),
      c: `\n\0"\\${"é".repeat(300)}`,
      d: "half \ud83d",
    };
    for (const [id, message] of Object.entries(cut)) {
      await it.sendEach({ id }, { id: `after-${id}`, dependsOn: [id] });
      await it.fail(await it.take(id), text(message));
    }
    const texts = Object.keys(cut).map(async (id) => {
      const { message } = JSON.parse((await it.job(`after-${id}`)).error!);
      return message.split("BROKEN: ")[1];
    });
    assert.deepEqual(await Promise.all(texts), [
      "😀".repeat(200),
      `${"😀".repeat(199)}…`,
      `\n\0"\\${"é".repeat(195)}…`,
      "half \ufffd",
    ]);
  }),

  rule("a root cause that stalled, was removed, or has an error without a code is named too", async (it) => {
    await it.sendEach({ id: "a", maxStalls: 1 }, { id: "after-a", dependsOn: ["a"] });
    await it.take("a", undefined, SHORT_LEASE);
    await it.elapse(SHORT_LEASE);
    await it.recover();
    await it.sendEach({ id: "b" }, { id: "after-b", dependsOn: ["b"] });
    await it.remove("b");
    await it.sendEach({ id: "c", messageType: "SCAN" }, { id: "after-c", dependsOn: ["c"] });
    await it.fail(await it.take("c"), '"text"');
    const roots = ["a", "b", "c"].map(async (id) => JSON.parse((await it.job(`after-${id}`)).error!).root);
    const [a, b, c] = await Promise.all(roots);
    assert.deepEqual([a.code, b.code], ["STALLED", "JOB_CANCELLED"]);
    assert.deepEqual(c, { id: "c", messageType: "SCAN" });
  }),

  rule("one failed dependency cancels even if others are pending", async (it) => {
    await it.sendBatch({ id: "a" }, { id: "b" });
    await it.send({ id: "child", dependsOn: [on("b", "hold"), "a"] });
    await it.fail(await it.take("a"));
    await it.expect({ child: "cancelled" });
    await it.run("b");
    await it.expect({ child: "cancelled" });
    assert.deepEqual(await it.waitingFor("b"), []);
  }),

  rule("with the policy `run`, a job still waits for its other dependencies", async (it) => {
    await it.sendBatch({ id: "a" }, { id: "b" });
    await it.send({ id: "child", dependsOn: [on("a", "run"), "b"] });
    await it.fail(await it.take("a"));
    await it.expect({ child: "blocked" });
    await it.run("b");
    await it.expect({ child: "queued" });
  }),

  rule("a holder is released when the failed job is retried and succeeds", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: [on("a", "hold")] });
    await it.fail(await it.take("a"));
    await it.retry("a");
    await it.expect({ b: "blocked" });
    await it.fail(await it.take("a"));
    await it.expect({ b: "blocked" });
    await it.retry("a");
    await it.run("a");
    await it.expect({ b: "queued" });
  }),

  rule("a holder sent after the failure is released in the same way", async (it) => {
    await it.sendEnded("failed", { id: "a" });
    await it.send({ id: "b", dependsOn: [on("a", "hold")] });
    assert.deepEqual(await it.waitingFor("a"), ["b"]);
    await it.retry("a");
    await it.run("a");
    await it.expect({ b: "queued" });
  }),

  rule("retrying a failed job doesn't affect dependents that ran already", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: [on("a", "run")] });
    await it.fail(await it.take("a"));
    await it.retry("a");
    await it.expect({ b: "queued" });
    assert.equal((await it.edges("b")).dependencies[0]?.pending, false);
  }),

  rule("removing a job affects its dependents like cancelling it", async (it) => {
    await it.send({ id: "a" });
    await it.sendBatch(...dependents("a"));
    await it.remove("a");
    await it.expect({ cancel: "cancelled", run: "queued" });
    assert.equal(await it.errorCode("cancel"), "DEPENDENCY_FAILED");
  }),

  rule("removing a job cancels its holders too, because nobody can retry it any more", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: [on("a", "hold")] });
    await it.fail(await it.take("a"));
    await it.expect({ b: "blocked" });
    await it.remove("a");
    await it.expect({ b: "cancelled" });
  }),

  rule("removing an unfinished job ends each of its dependents once", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] }, { id: "c", dependsOn: ["b"] });
    const { events, until } = await it.listen();
    await it.remove("a");
    await it.send({ id: "last" });
    await until((seen) => seen.at(-1)?.id === "last");
    assert.deepEqual(
      events.filter(({ type }) => type === "cancelled").map(({ id }) => id),
      ["a", "b", "c"],
    );
    assert.equal((await it.counts()).states.cancelled, 2);
  }),

  rule("removing a completed job doesn't affect its dependents", async (it) => {
    await it.sendBatch({ id: "a" }, { id: "b" }, { id: "c", dependsOn: ["a", "b"] });
    await it.run("a");
    await it.remove("a");
    await it.expect({ c: "blocked" });
    await it.run("b");
    await it.expect({ c: "queued" });
  }),
]);

export const retriedDependentCases = section("dependents that an operator retries", [
  rule("a dependency that has completed meanwhile is satisfied", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await it.fail(await it.take("a"));
    await it.retry("a");
    await it.run("a");
    await it.expect({ b: "cancelled" });
    await it.retry("b");
    await it.expect({ b: "queued" });
    assert.deepEqual(await it.runAll(), ["b"]);
  }),

  rule("the dependent waits for a dependency that is unfinished again", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await it.fail(await it.take("a"));
    await it.retry("a");
    await it.retry("b");
    await it.expect({ a: "queued", b: "blocked" });
    await it.run("a");
    await it.expect({ b: "queued" });
  }),

  rule("an unfinished dependency that fails again applies its policy again", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await it.fail(await it.take("a"));
    await it.retry("a");
    await it.retry("b");
    await it.fail(await it.take("a"));
    await it.expect({ b: "cancelled" });
  }),

  rule("a dependency that is still failed holds a dependent with the policy `cancel`", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await it.fail(await it.take("a"));
    await it.retry("b");
    await it.expect({ b: "blocked" });
    assert.equal((await it.edges("b")).dependencies[0]?.pending, true);
    await it.retry("a");
    await it.run("a");
    await it.expect({ b: "queued" });
  }),

  rule("a dependency that is gone counts as satisfied", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    await it.remove("a");
    await it.expect({ b: "cancelled" });
    await it.retry("b");
    await it.expect({ b: "queued" });
  }),

  rule("a dependency that is still failed doesn't hold a dependent with the policy `run`", async (it) => {
    await it.sendEach({ id: "a" }, { id: "b", dependsOn: [on("a", "run")] });
    await it.fail(await it.take("a"));
    await it.fail(await it.take("b"));
    await it.retry("b");
    await it.expect({ b: "queued" });
  }),
]);
