import assert from "node:assert/strict";
import type { Interception } from "@org/test-servers";
import type { Scenario } from "../scenario.ts";
import { LEASE, type Stage } from "../stage/stage.ts";

export const workerLosesRequest: Scenario = {
  name: "worker-loses-request",
  promise: "a worker resends an outcome whose request was lost",
  run: (stage) => play(stage, "drop-request"),
};

export const workerLosesReply: Scenario = {
  name: "worker-loses-reply",
  promise: "resending an outcome that was stored already changes nothing",
  run: (stage) => play(stage, "drop-reply"),
};

async function play(stage: Stage, fault: Interception["fault"]): Promise<void> {
  const proxy = await stage.startProxy();
  await stage.loadScripts();
  await stage.send("victim", { work: "wait" });
  const worker = await stage.startWorker("worker", { url: proxy.url, lease: 3 * LEASE });
  await worker.until("started", ({ id }) => id === "victim");
  for (let number = 0; number < stage.random.between(0, 5); number++) {
    await stage.send(`other-${number}`, { work: "sleep", milliseconds: 50 });
  }
  // Only the settle request contains the result.
  const lost = proxy.intercept({ containing: '"fence":1', fault });
  worker.send({ command: "finish", id: "victim" });
  await lost;
  await stage.send("last", { work: "return" });
  await worker.until("settled", ({ id }) => id === "last");
  const record = (await stage.engine.inspect.get([{ id: "victim" }]))[0];
  if (fault === "drop-reply") assert.deepEqual([record?.state, record?.epoch], ["completed", 1]);
}
