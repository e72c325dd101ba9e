import assert from "node:assert/strict";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

const HOUR = 3_600_000;

export const clocksApart: Scenario = {
  name: "clocks-apart",
  promise: "workers and producers whose clocks differ by an hour agree on leases, delays and order",
  async run(stage) {
    const shift = stage.random.pick([-HOUR, HOUR]);
    const preload = { module: "shift-clock.ts", environment: { CLOCK_SHIFT: `${shift}` } };
    const load = await Load.start(stage, { workers: 1 });
    const wrong = await stage.startWorker("wrong-clock", { preload });
    const producer = await stage.startProducer("wrong-producer", { preload, jobs: 30, lanes: 3 });
    await Promise.all([load.allSent(), producer.until("done")]);

    const sentAt = monotonic();
    await stage.send("delayed", { work: "return" }, { delay: 500 });
    const workers = [...load.workers, wrong];
    const started = await Promise.race(
      workers.map((worker) => worker.until("started", ({ id }) => id === "delayed")),
    );
    assert.ok(started.at - sentAt >= 495, `the delayed job started after ${started.at - sentAt} ms`);
    stage.measure("delay of 500", started.at - sentAt);
    // Each worker kept its own leases and lost none to the other.
    for (const worker of workers) {
      assert.equal(
        worker.count((report) => report.type === "aborted"),
        0,
        `aborted jobs of ${worker.name}`,
      );
      assert.ok(worker.count(({ type }) => type === "settled") > 0, `${worker.name} worked`);
    }
  },
};
