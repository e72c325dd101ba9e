import assert from "node:assert/strict";
import { rule, section } from "../case.ts";
import { errorText } from "../new-error.ts";
import { retain } from "../new-job.ts";

/** Ids that an engine may mistake for a separator, a sentinel, a number, or a property of an object. */
const IDS: readonly string[] = [
  ...[1, 64, 65, 128].map((length) => "-".repeat(length)),
  ...["_", ".", ":", "::", "0", "007", "1e3", "-1", "a.1", "job:a", "plain", "batch", "s", "c", "co", "e"],
  ...["__proto__", "constructor", "toString", "__index", "nil", "null", "undefined"],
];

/** Ordering and dedupe keys may be any text. */
const KEYS: readonly string[] = [
  ...[" ", "  a", "a ", "a b", "a\nb", "\n", "\r\n", "\0", "a\0b", "-", "*", ":", "jobs:a", "%d", "+1", "."],
  ...["0", "007", "1e3", '"', "{", "[]", "\\", "😀", "é", "\u2028", "__proto__", "x".repeat(256)],
];

export const hostileTextCases = section("any id, any key", [
  rule("a batch of jobs with odd ids runs, each once", async (on) => {
    await on.sendBatch(...IDS.map((id) => ({ id })));
    const claimed = await on.claim(100);
    assert.deepEqual(
      claimed.map(({ id }) => id),
      IDS,
    );
    assert.deepEqual(
      await on.engine.core.extend({ leases: claimed, lease: 30_000 }),
      IDS.map(() => ({ status: "held" })),
    );
    const outcomes = claimed.map((lease) => ({ ...lease, type: "complete" as const }));
    assert.deepEqual(
      await on.settle(...outcomes),
      IDS.map(() => "accepted"),
    );
    await on.expect(Object.fromEntries(IDS.map((id) => [id, "completed" as const])));
  }),

  rule("jobs with odd ids are retried, fail, are reopened, cancelled and removed", async (on) => {
    await on.sendBatch(...IDS.map((id) => ({ id })));
    for (const lease of await on.claim(100)) await on.retryAttempt(lease);
    for (const lease of await on.claim(100)) await on.fail(lease, errorText("BROKEN"));
    await on.expect(Object.fromEntries(IDS.map((id) => [id, "failed" as const])));
    for (const id of IDS) await on.retry(id);
    for (const id of IDS) await on.cancel(id);
    for (const id of IDS) await on.remove(id);
    assert.equal((await on.engine.inspect.list({ fields: "full", limit: 100 })).jobs.length, 0);
  }),

  rule("jobs with odd ids wait for each other", async (on) => {
    await on.sendBatch(
      ...IDS.map((id, index) => ({
        id,
        dependsOn: [
          ...new Set(
            IDS.slice(0, index)
              .slice(-1)
              .concat(IDS.slice(0, Math.min(index, 1))),
          ),
        ],
      })),
    );
    await on.sendBatch(
      ...Array.from({ length: 10 }, (_, index) => ({ id: `reader-${index}`, dependsOn: IDS })),
    );
    const order = await on.runAll();
    assert.deepEqual(order.slice(0, IDS.length), IDS);
    assert.equal(order.length, IDS.length + 10);
  }),

  rule("endings of trimmed jobs with odd ids are remembered", async (on) => {
    const none = retain({ completed: { count: 0 } });
    await on.sendBatch(...IDS.map((id) => ({ id, retain: none })));
    assert.deepEqual(await on.runAll(), IDS);
    await on.sendBatch(...IDS.map((id) => ({ id })), { id: "after", dependsOn: IDS });
    assert.deepEqual(await on.runAll(), ["after"]);
  }),

  rule("odd ordering keys keep their jobs in order, separate from other keys", async (on) => {
    const ids = KEYS.flatMap((_, index) => [`${index}-a`, `${index}-b`]);
    await on.sendBatch(...ids.map((id, index) => ({ id, orderingKey: KEYS[index >> 1]! })));
    const heads = await on.claim(100);
    assert.deepEqual(
      heads.map(({ id, orderingKey }) => [id, orderingKey]),
      KEYS.map((key, index) => [`${index}-a`, key]),
    );
    for (const lease of heads) await on.retryAttempt(lease);
    const { jobs: runs } = await on.engine.core.claim({
      queues: ["jobs"],
      limit: 100,
      lease: 30_000,
      run: 2,
    });
    assert.deepEqual(new Set(runs.map(({ id }) => id)), new Set(ids));
    for (const lease of runs) await on.complete(lease);
  }),

  rule("odd dedupe keys each stand for their own job", async (on) => {
    const send = (tag: string) =>
      on.sendBatch(
        ...KEYS.map((key, index) => ({
          id: `${tag}-${index}`,
          dedupe: { key: `M:${key}`, window: 60_000 },
        })),
      );
    const first = await send("first");
    assert.deepEqual(await send("second"), first);
    assert.equal(new Set(first).size, KEYS.length);
  }),
]);
