import { step } from "../messages.ts";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { assertInTime } from "./recovery.ts";

/** The promise, for an idle machine. */
const MAX_DURATION = 50;

export const urgentFirst: Scenario = {
  name: "urgent-first",
  promise: "an urgent job starts within 50 ms, however many less urgent ones are waiting",
  async run(stage) {
    const items = Array.from({ length: 5_000 }, (_, index) => ({
      message: step,
      data: { work: "sleep", milliseconds: 10 } as const,
      options: { id: `low-${index}`, priority: 500 },
    }));
    for (let from = 0; from < items.length; from += 1_000)
      await stage.queue.sendMany(items.slice(from, from + 1_000));
    const worker = await stage.startWorker("worker");
    await worker.until("settled", () => worker.count(({ type }) => type === "settled") >= 50);
    const sentAt = monotonic();
    await stage.send("urgent", { work: "return" }, { priority: 0 });
    const { at } = await worker.until("started", ({ id }) => id === "urgent");
    assertInTime(stage, "urgent send to start", at - sentAt, MAX_DURATION);
    await worker.kill();
    await stage.queue.cancelMany(items.map(({ options }) => options.id));
  },
};
