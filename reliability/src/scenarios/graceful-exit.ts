import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const gracefulExit: Scenario = {
  name: "graceful-exit",
  promise: "a stopping worker finishes its running jobs and releases the rest, at no cost in attempts",
  async run(stage) {
    const load = await Load.start(stage);
    await stage.send("in-hand", { work: "sleep", milliseconds: 300 });
    const holder = await Promise.race(
      load.workers.map(async (worker) => {
        await worker.until("started", ({ id }) => id === "in-hand");
        return worker;
      }),
    );
    holder.send({ command: "stop" });
    await holder.until("stopped");
    await holder.gone;
    assert.equal(
      holder.count((report) => report.type === "aborted"),
      0,
      "handlers were left to finish",
    );
    assert.equal(
      holder.count(
        (report) => report.type === "settled" && report.id === "in-hand" && report.verdict === "accepted",
      ),
      1,
    );
    await load.allSent();
    const records = await stage.engine.inspect.list({ fields: "full", limit: 1_000 });
    for (const { id, stalls } of records.jobs) assert.equal(stalls, 0, `${id} stalled`);
  },
};
