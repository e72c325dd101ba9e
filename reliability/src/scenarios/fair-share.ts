import assert from "node:assert/strict";
import { step } from "../messages.ts";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage, WorkerProgram } from "../stage/stage.ts";
import { assertInTime } from "./recovery.ts";

const JOBS = 10;
const SLOTS = 5;
/** A worker that claimed more than it can run releases the rest after 250 ms. */
const MAX_DURATION = 800;
const slow = { work: "sleep", milliseconds: 1_000 } as const;

type Send = (stage: Stage, ids: readonly string[]) => Promise<unknown>;

const inBulk: Send = (stage, ids) =>
  stage.queue.sendMany(ids.map((id) => ({ message: step, data: slow, options: { id } })));

const oneByOne: Send = async (stage, ids) => {
  for (const id of ids) await stage.send(id, slow);
};

export const fairShareBulk: Scenario = {
  name: "fair-share-bulk",
  promise: "two idle workers with five slots each split ten one-second jobs, sent at once, five to five",
  run: (stage) => playEvenShare(stage, inBulk, false),
};

export const fairShareSingle: Scenario = {
  name: "fair-share-single",
  promise: "two idle workers with five slots each split ten one-second jobs, sent one by one, five to five",
  run: (stage) => playEvenShare(stage, oneByOne, false),
};

export const fairShareWarm: Scenario = {
  name: "fair-share-warm",
  promise: "workers that prefetch after quick jobs release slow ones, so that these are split five to five",
  run: (stage) => playEvenShare(stage, inBulk, true),
};

export const fairShareWide: Scenario = {
  name: "fair-share-wide",
  promise: "ten one-second jobs start at once on two workers with ten slots each, however they are split",
  async run(stage) {
    const workers = await idleWorkers(stage, 2 * SLOTS, false);
    await playShare(stage, stage.random.pick([inBulk, oneByOne]), workers);
    // The first worker may claim all ten, since it has a slot for each. This is only measured.
    stage.measured["larger share (jobs)"] = Math.max(...workers.map(started));
  },
};

async function playEvenShare(stage: Stage, send: Send, isWarm: boolean): Promise<void> {
  const workers = await idleWorkers(stage, SLOTS, isWarm);
  await playShare(stage, send, workers);
  assert.deepEqual(workers.map(started), [SLOTS, SLOTS]);
}

async function idleWorkers(stage: Stage, concurrency: number, isWarm: boolean): Promise<WorkerProgram[]> {
  const workers = await Promise.all(
    ["worker-a", "worker-b"].map((name) => stage.startWorker(name, { concurrency })),
  );
  if (isWarm) {
    const items = Array.from({ length: 500 }, (_, index) => ({
      message: step,
      data: { work: "return" } as const,
      options: { id: `quick-${index}` },
    }));
    await stage.queue.sendMany(items);
    await Promise.all(items.map(({ options }) => stage.queue.wait(options.id)));
  }
  return workers;
}

async function playShare(stage: Stage, send: Send, workers: readonly WorkerProgram[]): Promise<void> {
  const ids = Array.from({ length: JOBS }, (_, index) => `slow-${index}`);
  const sentAt = monotonic();
  await send(stage, ids);
  await Promise.all(ids.map((id) => stage.queue.wait(id)));
  const starts = workers.flatMap((worker) => worker.reports.filter(isSlowStart)).map(({ at }) => at);
  assert.equal(starts.length, JOBS, "each started once");
  assertInTime(stage, "send to last start", Math.max(...starts) - sentAt, MAX_DURATION);
}

function started(worker: WorkerProgram): number {
  return worker.reports.filter(isSlowStart).length;
}

function isSlowStart(
  report: WorkerProgram["reports"][number],
): report is Extract<WorkerProgram["reports"][number], { readonly type: "started" }> {
  return report.type === "started" && report.id.startsWith("slow-");
}
