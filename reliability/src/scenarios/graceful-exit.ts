import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const gracefulExit: Scenario = {
  name: "graceful-exit",
  promise: "a stopping worker finishes its running jobs and releases the rest, at no cost in attempts",
  async run(stage) {
    // Leases that outlast a pause of a busy machine: what stalls or aborts here is the stop's doing.
    const load = await Load.start(stage, { worker: { lease: 30_000 } });
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
    const aborted = holder.reports.filter(({ type }) => type === "aborted");
    assert.deepEqual(aborted, [], "handlers are left to finish");
    assert.equal(
      holder.count(
        (report) => report.type === "settled" && report.id === "in-hand" && report.verdict === "accepted",
      ),
      1,
    );
    await load.allSent();
    for (const worker of load.workers) {
      if (worker === holder) continue;
      worker.send({ command: "stop" });
      await worker.gone;
    }
    const records = await stage.engine.inspect.list({ fields: "full", limit: 1_000 });
    for (const { id, stalls } of records.jobs) assert.equal(stalls, 0, `${id} stalled`);
  },
};
