import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { assertInTime } from "./recovery.ts";

/** Milliseconds without a reply until the engine abandons a connection. */
const COMMAND_TIMEOUT = 2_000;
const MAX_DURATION = COMMAND_TIMEOUT + 4_000;

export const workerHalfOpen: Scenario = {
  name: "worker-half-open",
  promise: "an idle worker replaces a half-open connection and works again",
  async run(stage) {
    const proxy = await stage.startProxy();
    const worker = await stage.startWorker("worker", { url: proxy.url, commandTimeout: COMMAND_TIMEOUT });
    await stage.send("before", { work: "return" });
    await worker.until("settled", ({ id }) => id === "before");
    proxy.abandon();
    const since = monotonic();
    await stage.send("after", { work: "return" });
    const { at } = await worker.until("started", ({ id }) => id === "after", 2 * MAX_DURATION);
    assertInTime(stage, "silence to next job", at - since, MAX_DURATION);
  },
};
