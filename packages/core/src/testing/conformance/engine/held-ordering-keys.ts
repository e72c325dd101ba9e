import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { LATER, SHORT_LEASE } from "../timing.ts";

/** Jobs with one ordering key, with these ids, in send order. */
const inOrder = (...ids: readonly string[]) => ids.map((id) => ({ id, orderingKey: "k" }));
/** The same, where a failed head holds the key. */
const holding = (...ids: readonly string[]) =>
  inOrder(...ids).map((spec) => ({ ...spec, onOrderingFailure: "hold" as const }));

export const heldKeyCases = section("ordering keys that are held or retried", [
  rule("with `hold`, a failed head blocks the others, including later sends", async (on) => {
    await on.sendEach(...holding("a", "b"));
    await on.fail(await on.take("a"));
    await on.sendEach(...holding("c"));
    await on.expect({ a: "failed", b: "blocked", c: "blocked" });
    assert.equal((await on.edges("b")).behind, "a");
  }),

  rule("a held key continues when an operator retries the failed head", async (on) => {
    await on.sendEach(...holding("a", "b"));
    await on.fail(await on.take("a"));
    await on.retry("a");
    await on.expect({ a: "queued", b: "blocked" });
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a held key continues when an operator removes the failed head", async (on) => {
    await on.sendEach(...holding("a", "b"));
    await on.fail(await on.take("a"));
    await on.remove("a");
    await on.expect({ b: "queued" });
  }),

  rule("with `hold`, a cancelled head still releases the next job", async (on) => {
    await on.sendEach(...holding("a", "b"));
    await on.cancel("a");
    await on.expect({ b: "queued" });
  }),

  rule("with `hold`, a head that fails with STALLED holds its key", async (on) => {
    await on.sendEach(...holding("a", "b").map((spec) => ({ ...spec, maxStalls: 1 })));
    await on.take("a", undefined, SHORT_LEASE);
    await on.elapse(SHORT_LEASE);
    await on.recover();
    await on.expect({ a: "failed", b: "blocked" });
  }),

  rule("a retried older job takes the next turn, not the current one", async (on) => {
    await on.sendEach(...inOrder("a", "b", "c"));
    await on.fail(await on.take("a"));
    const running = await on.take("b");
    await on.retry("a");
    await on.expect({ a: "blocked", b: "active", c: "blocked" });
    await on.complete(running);
    assert.deepEqual(await on.runAll(), ["a", "c"]);
  }),

  rule("a retried older job doesn't take over the current turn", async (on) => {
    await on.sendEach(...inOrder("a", "b"));
    await on.fail(await on.take("a"));
    await on.retry("a");
    await on.expect({ a: "blocked", b: "queued" });
    assert.deepEqual(await on.runAll(), ["b", "a"]);
  }),

  rule("a retried older job goes before a head that is merely blocked", async (on) => {
    await on.send({ id: "dependency", delay: LATER });
    await on.sendEach(...inOrder("a"), { id: "b", orderingKey: "k", dependsOn: ["dependency"] });
    await on.fail(await on.take("a"));
    await on.retry("a");
    await on.expect({ a: "queued", b: "blocked" });
    await on.engine.operate.promote([{ id: "dependency" }]);
    const active = await on.take("dependency");
    await on.complete(active);
    await on.expect({ a: "queued", b: "blocked" });
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),

  rule("a retried job that held its key lets an older job go first", async (on) => {
    await on.sendEach(...inOrder("a"), ...holding("b"), ...inOrder("c"));
    await on.fail(await on.take("a"));
    const held = await on.take("b");
    await on.retry("a");
    await on.fail(held);
    await on.expect({ a: "blocked", b: "failed", c: "blocked" });
    await on.retry("b");
    assert.deepEqual(await on.runAll(), ["a", "b", "c"]);
  }),

  rule("a retried job that held its key and depends on an older one doesn't wait for itself", async (on) => {
    await on.sendEach(...inOrder("a"));
    await on.send({ ...holding("b")[0]!, dependsOn: [{ job: "a", onFailure: "run" }] });
    await on.fail(await on.take("a"));
    const held = await on.take("b");
    await on.retry("a");
    await on.fail(held);
    await on.retry("b");
    assert.deepEqual(await on.runAll(), ["a", "b"]);
  }),
]);
