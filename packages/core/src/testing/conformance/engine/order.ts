import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { SOON } from "../timing.ts";

export const orderCases = section("priority and order", [
  rule("jobs of one priority run in send order", async (on) => {
    const ids = Array.from({ length: 50 }, (_, index) => `n${index}`);
    await on.sendEach(...ids.map((id) => ({ id })));
    assert.deepEqual(await on.claimIds(), ids);
  }),

  rule("jobs of a batch run in the order of the batch", async (on) => {
    await on.sendBatch({ id: "c" }, { id: "a" }, { id: "b" });
    assert.deepEqual(await on.claimIds(), ["c", "a", "b"]);
  }),

  rule("the lower priority number runs first", async (on) => {
    await on.sendEach(
      { id: "low", priority: 10 },
      { id: "lowest", priority: 1_000 },
      { id: "high", priority: 1 },
    );
    assert.deepEqual(await on.claimIds(), ["high", "low", "lowest"]);
  }),

  rule("0 is the most urgent", async (on) => {
    await on.sendEach({ id: "one", priority: 1 }, { id: "zero", priority: 0 });
    assert.deepEqual(await on.claimIds(), ["zero", "one"]);
  }),

  rule("priorities are served as numbers, not as text", async (on) => {
    await on.sendEach(
      { id: "ten", priority: 10 },
      { id: "nine", priority: 9 },
      { id: "hundred", priority: 100 },
    );
    assert.deepEqual(await on.claimIds(), ["nine", "ten", "hundred"]);
  }),

  rule("within a priority, jobs run in send order", async (on) => {
    await on.sendEach(
      { id: "b1", priority: 5 },
      { id: "a1", priority: 1 },
      { id: "b2", priority: 5 },
      { id: "a2", priority: 1 },
    );
    assert.deepEqual(await on.claimIds(), ["a1", "a2", "b1", "b2"]);
  }),

  rule("an urgent job overtakes waiting jobs", async (on) => {
    await on.sendEach({ id: "a", priority: 5 }, { id: "b", priority: 5 });
    await on.run("a");
    await on.send({ id: "urgent", priority: 0 });
    assert.deepEqual(await on.claimIds(), ["urgent", "b"]);
  }),

  rule("priorities don't compare across queues", async (on) => {
    await on.sendEach({ id: "a", queue: "one", priority: 9 }, { id: "b", queue: "two", priority: 0 });
    assert.deepEqual(await on.claimIds(2, ["one", "two"]), ["a", "b"]);
  }),

  rule("a due job is ordered by its send time, not by its due time", async (on) => {
    await on.sendEach({ id: "early", delay: SOON }, { id: "late" });
    await on.elapse(SOON);
    assert.deepEqual(await on.claimIds(), ["early", "late"]);
  }),

  rule("jobs that fall due together run in send order", async (on) => {
    await on.sendEach({ id: "a", delay: SOON }, { id: "b", delay: SOON / 2 }, { id: "c", delay: SOON / 5 });
    await on.elapse(SOON);
    assert.deepEqual(await on.claimIds(), ["a", "b", "c"]);
  }),

  rule("a retried job keeps its priority and its place", async (on) => {
    await on.sendEach({ id: "a", priority: 3 }, { id: "b", priority: 3 }, { id: "c", priority: 4 });
    await on.retryAttempt(await on.take("a"));
    assert.deepEqual(await on.claimIds(), ["a", "b", "c"]);
  }),
]);
