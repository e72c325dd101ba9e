import assert from "node:assert/strict";
import { isQueueError } from "@org/queue";
import { unfinished } from "../audit/drain.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage/stage.ts";
import { eventually } from "../stage/until.ts";

const MEGABYTE = 1_048_576;

export const redisFull: Scenario = {
  name: "redis-full",
  promise:
    "a full Redis refuses sends with a retryable error, is drained by its workers, and accepts sends again",
  async run(stage) {
    const { redis, random } = stage;
    const full = (await redis.usedMemory()) + random.between(4, 8) * MEGABYTE;
    await redis.admin.config("SET", "maxmemory", full);
    const padding = random.between(2_000, 8_000);
    const producer = await stage.startProducer("producer", {
      jobs: 100_000,
      lanes: 8,
      mix: "plain",
      padding,
    });
    const { code, retryable } = await producer.until("refused");
    assert.equal(retryable, true, `${code} is retryable`);
    stage.measured["sent until full (jobs)"] = producer.count(({ type }) => type === "sent");
    // Every lane is stuck now: retries are refused until there is room.
    const workers = await Promise.all(["worker-a", "worker-b"].map((name) => stage.standbyWorker(name)));
    await producer.kill();
    await assertRefused(stage, padding);

    for (const worker of workers) worker.send({ command: "start" });
    await eventually(20_000, "empty queue while Redis is full", async () => {
      return unfinished(await stage.engine.queues.counts()) === 0;
    });
    // Finished jobs stay stored, so Redis was full during the drain.
    await assertRefused(stage, padding);
    while ((await stage.queue.clean({ state: "completed" })) > 0);
    await stage.send("afterwards", { work: "return" });
    await Promise.race(workers.map((worker) => worker.until("settled", ({ id }) => id === "afterwards")));
    await redis.admin.config("SET", "maxmemory", 0);
  },
};

async function assertRefused(stage: Stage, padding: number): Promise<void> {
  // Smaller jobs might still fit.
  const data = { work: "return", padding: "x".repeat(10 * padding) } as const;
  for (let number = 0; number < 1_000; number++) {
    try {
      await stage.send(`probe-${number}`, data);
    } catch (error) {
      assert.ok(isQueueError(error) && error.retryable, `a retryable error, not ${error}`);
      return;
    }
  }
  assert.fail("the full server accepted a thousand jobs");
}
