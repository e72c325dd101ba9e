import assert from "node:assert/strict";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { assertInTime } from "./recovery.ts";

/** Milliseconds without a reply until the engine abandons a connection. */
const COMMAND_TIMEOUT = 2_000;
const MAX_DURATION = COMMAND_TIMEOUT + 4_000;

export const producerHalfOpen: Scenario = {
  name: "producer-half-open",
  promise: "a producer replaces a half-open connection and stores each job once",
  async run(stage) {
    const proxy = await stage.startProxy();
    const jobs = 20;
    const producer = await stage.startProducer("producer", {
      url: proxy.url,
      commandTimeout: COMMAND_TIMEOUT,
      lanes: 1,
      jobs,
      mix: "plain",
      pace: 5,
    });
    await producer.until("sent");
    const before = producer.reports.length;
    proxy.abandon();
    const since = monotonic();
    const isLater = (report: (typeof producer.reports)[number]) =>
      producer.reports.indexOf(report) > before + 1;
    const { at } = await producer.until("sent", isLater, 2 * MAX_DURATION);
    assertInTime(stage, "silence to next acknowledgement", at - since, MAX_DURATION);
    const { sent } = await producer.until("done");
    assert.equal(sent, jobs);
  },
};
