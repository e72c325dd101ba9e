import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import type { Scenario } from "../scenario.ts";
import { LEASE, SHORT_LEASE } from "../timing.ts";

const NONE = { age: 0, count: 0 };

async function nextIn(on: Scenario): Promise<number | undefined> {
  const { nextIn: milliseconds } = await on.engine.core.recover();
  return milliseconds;
}

async function assertNextIn(on: Scenario, most: number): Promise<void> {
  const milliseconds = await nextIn(on);
  assert(
    milliseconds !== undefined && milliseconds > most - 10_000 && milliseconds <= most,
    `something to do in ${milliseconds} ms, expected ${most}`,
  );
}

export const maintenanceCases = section("maintenance", [
  rule("a turn says that nothing is to be expected when jobs just wait or are gone", async (on) => {
    assert.equal(await nextIn(on), undefined);
    await on.sendBatch({ id: "a", retain: { completed: NONE, failed: NONE } }, { id: "b" });
    await on.run("a");
    assert.equal(await nextIn(on), undefined);
  }),

  rule("a turn says when the next lease ends", async (on) => {
    await on.sendEach({ id: "a" }, { id: "b" });
    await on.take("a", undefined, 2 * LEASE);
    await assertNextIn(on, 2 * LEASE);
    await on.take("b");
    await assertNextIn(on, LEASE);
  }),

  rule("a turn says when the next job is due", async (on) => {
    await on.send({ delay: 60_000 });
    await assertNextIn(on, 60_000);
    await on.send({ delay: 20_000 });
    await assertNextIn(on, 20_000);
  }),

  rule("a turn says when the next finished job is past its retention", async (on) => {
    const keep = (age: number) => ({ completed: { age, count: 100 }, failed: { age: age / 2, count: 100 } });
    await on.sendEnded("completed", { messageType: "A", retain: keep(120_000) });
    await assertNextIn(on, 120_000);
    await on.sendEnded("failed", { messageType: "A", retain: keep(120_000) });
    await assertNextIn(on, 60_000);
    await on.sendEnded("completed", { messageType: "B", retain: keep(30_000) });
    await assertNextIn(on, 30_000);
    await on.elapse(30_000);
    assert.equal((await on.recover()).trimmed, 1);
    await assertNextIn(on, 30_000);
  }),

  rule("what has come due is done by the next turn, which then says what comes after it", async (on) => {
    await on.send({ id: "a", maxStalls: 3 });
    await on.take("a", undefined, SHORT_LEASE);
    const soon = await nextIn(on);
    assert(soon !== undefined && soon > 0 && soon <= SHORT_LEASE, `${soon}`);
    await on.elapse(SHORT_LEASE);
    const { requeued } = await on.recover();
    assert.equal(requeued, 1);
    assert.equal(await nextIn(on), undefined);
  }),
]);
