import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { assertInTime, since } from "./recovery.ts";

export const killIdle: Scenario = {
  name: "kill-idle",
  promise: "a worker killed while it waits for work takes no job with it",
  async run(stage) {
    const [killed, other] = await Promise.all([stage.startWorker("doomed"), stage.startWorker("other")]);
    await stage.send("before", { work: "return" });
    await Promise.race([
      killed.until("settled", ({ id }) => id === "before").catch(() => undefined),
      other.until("settled", ({ id }) => id === "before"),
    ]);
    await killed.kill();
    const sentAt = monotonic();
    await stage.send("after", { work: "return" });
    await other.until("settled", ({ id }) => id === "after");
    assertInTime(stage, "send to settled", since(sentAt), 2_000);
  },
};
