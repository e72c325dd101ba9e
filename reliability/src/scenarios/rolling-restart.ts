import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const rollingRestart: Scenario = {
  name: "rolling-restart",
  promise: "replacing the workers one by one under load stalls no job",
  async run(stage) {
    const load = await Load.start(stage, { workers: 3 });
    for (let index = 0; index < 3; index++) {
      await load.sent((index + 1) * stage.random.between(20, 80));
      load.workers.push(await stage.startWorker(`replacement-${index}`));
      const leaving = load.workers.shift()!;
      leaving.send({ command: "stop" });
      await leaving.until("stopped");
    }
    await load.allSent();
    const records = await stage.engine.inspect.list({ fields: "full", limit: 1_000 });
    for (const { id, stalls } of records.jobs) assert.equal(stalls, 0, `${id} stalled`);
  },
};
