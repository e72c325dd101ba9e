import assert from "node:assert/strict";
import type { DependencyFailurePolicy } from "../../../engine/job.ts";
import { rule, section } from "../case.ts";
import { retain } from "../new-job.ts";
import type { Scenario } from "../scenario.ts";

const edge = (job: string, onFailure: DependencyFailurePolicy = "cancel") => ({ job, onFailure });

/** Dependents as `job state`, `*` after those that wait. */
async function dependents(on: Scenario, id: string): Promise<readonly string[]> {
  const edges = await on.edges(id);
  return edges.dependents.map(({ job, state, pending }) => `${job} ${state}${pending ? "*" : ""}`);
}

export const edgeCases = section("edges", [
  rule("edges are read of many jobs at once, in their order", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b", dependsOn: ["a"] });
    const found = await on.engine.inspect.edges(["b", "nowhere", "a", "b"].map((id) => ({ id })));
    assert.deepEqual(
      found.map((edges) => edges && [edges.dependencies.length, edges.dependents.length]),
      [[1, 0], null, [0, 1], [1, 0]],
    );
    assert.deepEqual(await on.engine.inspect.edges([]), []);
  }),

  rule("a dependent has its state, its policy, and whether it waits", async (on) => {
    await on.send({ id: "a" });
    await on.sendEach(
      { id: "b", dependsOn: [edge("a", "hold")] },
      { id: "c", dependsOn: [edge("a", "run")] },
    );
    const { dependents: found, dependentCount } = await on.edges("a");
    assert.deepEqual(
      found.map((each) => ({ ...each })),
      [
        { ...edge("b", "hold"), state: "blocked", pending: true },
        { ...edge("c", "run"), state: "blocked", pending: true },
      ],
    );
    assert.equal(dependentCount, 2);
  }),

  rule("a policy is found among many dependencies, and beside texts that look alike", async (on) => {
    const ids = ["c", "r", "h", "d", ...Array.from({ length: 40 }, (_, index) => `n${index}`)];
    await on.sendBatch(...ids.map((id) => ({ id })));
    const envelope = { userId: "n39", metadata: JSON.stringify({ d: ["n39", "r"] }) };
    const dependsOn = ids.map((id) => edge(id, "hold"));
    await on.send({ id: "child", dependsOn, orderingKey: "n39", envelope });
    for (const id of ids) {
      const { dependents: found } = await on.edges(id);
      assert.deepEqual(
        found.map(({ job, onFailure }) => ({ job, onFailure })),
        [edge("child", "hold")],
      );
    }
  }),

  rule("dependents that wait come first, then those that run, then those that have ended", async (on) => {
    await on.sendEach({ id: "a", priority: 1 }, { id: "gate", priority: 2 });
    await on.sendEach(
      { id: "ended", dependsOn: ["a"] },
      { id: "later", dependsOn: ["a"] },
      { id: "running", dependsOn: ["a"] },
    );
    await on.run("a");
    await on.run("ended");
    await on.fail(await on.take("later"));
    await on.take("running");
    assert.deepEqual(await dependents(on, "a"), ["running active", "later failed", "ended completed"]);
    await on.fail(await on.take("gate"));
    await on.send({ id: "held", dependsOn: ["a", edge("gate", "hold")] });
    await on.send({ id: "after", dependsOn: [edge("gate", "run")] });
    await on.run("after");
    assert.deepEqual(await dependents(on, "gate"), ["held blocked*", "after completed"]);
    const [first, second, ...ended] = await dependents(on, "a");
    assert.deepEqual([first, second].toSorted(), ["held blocked", "running active"]);
    assert.deepEqual(ended, ["later failed", "ended completed"]);
    assert.equal((await on.edges("a")).dependentCount, 4);
  }),

  rule("a dependent that was cancelled because of a dependency is named", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.fail(await on.take("a"));
    await on.send({ id: "late", dependsOn: ["a"] });
    assert.deepEqual(await dependents(on, "a"), ["late cancelled", "b cancelled"]);
  }),

  rule("a dependent that ended before the job that it depends on is named", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.cancel("b");
    assert.deepEqual(await dependents(on, "a"), ["b cancelled"]);
    await on.run("a");
    assert.deepEqual(await dependents(on, "a"), ["b cancelled"]);
  }),

  rule("an ended dependent that its message's retention doesn't keep isn't counted", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a"], retain: retain({ completed: { count: 0 } }) });
    await on.run("a");
    assert.equal((await on.edges("a")).dependentCount, 1);
    await on.run("b");
    const { dependents: found, dependentCount } = await on.edges("a");
    assert.deepEqual([found, dependentCount], [[], 0]);
  }),

  rule("an ended dependent that is gone isn't named, and stays counted", async (on) => {
    await on.send({ id: "a" });
    await on.sendEach({ id: "b", dependsOn: ["a"] }, { id: "c", dependsOn: ["a"] });
    await on.runAll();
    await on.remove("b");
    assert.deepEqual(await dependents(on, "a"), ["c completed"]);
    assert.equal((await on.edges("a")).dependentCount, 2);
  }),

  rule("a dependent that is retried counts once, and waits again", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.fail(await on.take("a"));
    await on.retry("b");
    assert.deepEqual(await dependents(on, "a"), ["b blocked*"]);
    assert.equal((await on.edges("a")).dependentCount, 1);
    await on.retry("a");
    await on.runAll();
    assert.deepEqual(await dependents(on, "a"), ["b completed"]);
    assert.equal((await on.edges("a")).dependentCount, 1);
  }),

  rule("dependents are named up to a limit, a hundred by default, and all counted", async (on) => {
    await on.send({ id: "a" });
    const ids = Array.from({ length: 120 }, (_, index) => `n${index}`);
    await on.sendBatch(...ids.map((id) => ({ id, dependsOn: ["a"] })));
    const [{ dependents: some }, all] = [await on.edges("a"), await on.edges("a", 1_000)];
    assert.deepEqual([some.length, all.dependents.length, all.dependentCount], [100, 120, 120]);
    const few = await on.edges("a", 2);
    assert.deepEqual([few.dependents.map(({ job }) => job), few.dependentCount], [["n0", "n1"], 120]);
  }),

  rule("of ended dependents the newest hundred are known, and all counted", async (on) => {
    await on.send({ id: "a" });
    const ids = Array.from({ length: 120 }, (_, index) => `n${index}`);
    await on.sendBatch(...ids.map((id) => ({ id, dependsOn: ["a"] })));
    assert.deepEqual((await on.runAll()).slice(1), ids);
    const { dependents: found, dependentCount } = await on.edges("a", 1_000);
    assert.deepEqual(
      found.map(({ job }) => job),
      ids.slice(20).toReversed(),
    );
    assert.equal(dependentCount, 120);
  }),

  rule("a job that is gone has no edges, and is still named by its dependents", async (on) => {
    await on.send({ id: "a" });
    await on.send({ id: "b", dependsOn: ["a"] });
    await on.runAll();
    await on.remove("a");
    assert.deepEqual(await on.engine.inspect.edges([{ id: "a" }]), [null]);
    const { dependencies } = await on.edges("b");
    assert.deepEqual(
      dependencies.map((each) => ({ ...each })),
      [{ ...edge("a"), state: "completed", pending: false }],
    );
  }),
]);
