import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { LEASE } from "../stage/stage.ts";
import { assertInTime, RECOVERY } from "./recovery.ts";

export const blockEventLoop: Scenario = {
  name: "block-event-loop",
  promise: "a handler that blocks the event loop past its lease loses the job to another worker",
  async run(stage) {
    const milliseconds = stage.random.between(2 * LEASE, 3 * LEASE);
    // This job waits in the same worker, so its lease is lost too.
    await stage.send("waiting", { work: "wait" });
    const blocked = await stage.standbyWorker("blocked", { concurrency: 2 });
    const successor = await stage.standbyWorker("successor");
    blocked.send({ command: "start" });
    await blocked.until("started", ({ id }) => id === "waiting");
    // The next attempt has the same data, but `spin` returns on a retry.
    await stage.send("spinning", { work: "spin", milliseconds });
    const begun = await blocked.until("started", ({ id }) => id === "spinning");
    successor.send({ command: "start" });

    const taken = await successor.until("started", ({ id }) => id === "waiting");
    assertInTime(stage, "recovery", taken.at - begun.at, RECOVERY);
    const { code } = await blocked.until("aborted", ({ id }) => id === "waiting");
    assert.equal(code, "LEASE_LOST");
    successor.send({ command: "finish", id: "waiting" });
    await successor.until("settled", ({ id }) => id === "waiting");
    assert.equal(
      blocked.count(
        (report) => report.type === "settled" && report.id === "waiting" && report.verdict === "accepted",
      ),
      0,
    );
  },
};
