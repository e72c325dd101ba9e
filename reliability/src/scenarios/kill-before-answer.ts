import assert from "node:assert/strict";
import type { Scenario } from "../scenario.ts";
import { sendWithVictim } from "./recovery.ts";

export const killBeforeAnswer: Scenario = {
  name: "kill-before-answer",
  promise: "a job whose outcome was stored stays ended, even if its worker is killed before the reply",
  async run(stage) {
    const proxy = await stage.startProxy();
    await stage.loadScripts();
    const victim = await sendWithVictim(stage, "wait");
    const killed = await stage.startWorker("doomed", { url: proxy.url });
    await killed.until("started", ({ id }) => id === victim);
    // The others are settled first, so that the held reply is the victim's.
    await killed.until("extended", ({ id }) => id === victim);
    const held = proxy.intercept({ containing: '"fence":1', fault: "hold-reply" });
    killed.send({ command: "finish", id: victim });
    await held;
    await killed.kill();
    assert.equal(
      killed.count(({ type, ...report }) => type === "settled" && "id" in report && report.id === victim),
      0,
    );

    const record = await stage.queue.get(victim);
    assert.equal(record?.state, "completed", "the server stored the outcome before the worker was killed");
    const successor = await stage.startWorker("successor");
    await stage.send("afterwards", { work: "return" });
    await successor.until("settled", ({ id }) => id === "afterwards");
    assert.equal(
      successor.count((report) => report.type === "started" && report.id === victim),
      0,
    );
  },
};
