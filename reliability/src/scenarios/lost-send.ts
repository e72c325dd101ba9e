import assert from "node:assert/strict";
import type { Interception } from "@org/test-servers";
import type { Stage } from "../stage/stage.ts";

/** Loses requests or replies of a producer's sends, several times. */
export async function playLostSend(stage: Stage, fault: Interception["fault"]): Promise<void> {
  const proxy = await stage.startProxy();
  await stage.loadScripts();
  const jobs = 12;
  const unlucky = Array.from({ length: 3 }, () => `producer-0-${stage.random.between(0, jobs - 1)}`);
  const producer = await stage.standbyProducer("producer", { url: proxy.url, lanes: 1, jobs, mix: "plain" });
  // With the line end, the id can't be a prefix of another one.
  const faults = unlucky.map((id) => proxy.intercept({ containing: `${id}\r\n`, fault }));
  producer.send({ command: "start" });
  await Promise.all(faults);
  const { sent } = await producer.until("done");
  assert.equal(sent, jobs);
  for (const id of unlucky) {
    const refusals = producer.reports.filter((report) => report.type === "refused" && report.id === id);
    assert.ok(refusals.length > 0, `the send of ${id} was to be refused`);
    for (const report of refusals) assert.ok(report.type === "refused" && report.retryable, "retryable");
  }
  const stored = await stage.engine.queues.counts();
  assert.equal(stored[0]?.states.queued, jobs, "each job is stored once");
}
