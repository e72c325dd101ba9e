import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { isQueueError } from "@org/queue";
import { unfinished } from "../audit/drain.ts";
import { readHistory } from "../history/history-file.ts";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage, WorkerProgram } from "../stage/stage.ts";
import { eventually } from "../stage/until.ts";
import { KeyDamage } from "./key-damage.ts";

const JOBS = 150;
/** Milliseconds between two sends, and at most between two damages. */
const SEND_PACE = 20;
const DAMAGE_PACE = 100;
/** The engine's audit checks a hundred keys per second. */
const REPAIR_TIMEOUT = 30_000;
/** Milliseconds for which commands of idle workers are counted. */
const IDLE_WINDOW = 1_000;
/** A job whose record was damaged runs again, but not forever. */
const MAX_RUNS = 10;

export const keysDamaged: Scenario = {
  name: "keys-damaged",
  promise: "keys deleted or overwritten under load affect only the jobs they belong to",
  losesEvents: true,
  async run(stage) {
    const { redis, random } = stage;
    const from = monotonic();
    const workers = await Promise.all(["worker-a", "worker-b"].map((name) => stage.startWorker(name)));
    await stage.send("first", { work: "return" });
    await Promise.race(workers.map((worker) => worker.until("settled", ({ id }) => id === "first")));
    const idleBefore = await scriptCalls(stage);

    const damage = new KeyDamage(redis.admin, stage.namespace, random.fork("damage"));
    let isSending = true;
    const damaging = (async () => {
      while (isSending) {
        await pause(random.between(1, DAMAGE_PACE));
        await damage.next();
      }
    })();
    const cancelledWith = await sendAll(stage).finally(() => {
      isSending = false;
    });
    await damaging;
    stage.measured["keys damaged (keys)"] = damage.log.length;
    stage.measured["kinds of keys damaged (kinds)"] = damage.kinds.size;

    // Only the engine's audit finds damage that no step reads. Two rounds, because one was in progress.
    const since = monotonic();
    await auditRoundsPassed(stage);
    await eventually(REPAIR_TIMEOUT, "end of the undamaged jobs", async () => {
      return unfinished(await stage.engine.queues.counts()) === 0;
    }).catch(async (error: Error) => {
      throw new Error(`${error.message}: ${await describeLeft(stage)}; after: ${damage.log.join("; ")}`);
    });
    stage.measure("damage to all ended", monotonic() - since);
    assertUndamagedCompleted(workers, cancelledWith, damage);

    await stage.send("last", { work: "return" });
    await Promise.race(workers.map((worker) => worker.until("settled", ({ id }) => id === "last")));
    const idleAfter = await scriptCalls(stage);
    stage.measured["idle script calls per second (calls)"] = idleAfter;
    assert.ok(idleAfter <= 2 * idleBefore, `idle workers make ${idleAfter} script calls per second`);
    assertFewRuns(stage);

    const reason = (await stage.queue.health()).reasons.find(({ kind }) => kind === "corrupt");
    assert.match(reason?.text ?? "healthy", /CORRUPT_JOB/);
    await assertReportsExpire(stage);
    // Parts of damaged jobs may be left over, which the key audit would report.
    await redis.admin.flushall();
    stage.loss = { from, to: monotonic() };
  },
};

/** Sends jobs of every kind. Returns, by id, the jobs with which each is cancelled. */
async function sendAll(stage: Stage): Promise<ReadonlyMap<string, readonly string[]>> {
  const random = stage.random.fork("sends");
  const cancelledWith = new Map<string, readonly string[]>();
  for (let number = 0; number < JOBS; number++) {
    const id = `job-${number}`;
    const roll = random.next();
    const earlier = [...cancelledWith.keys()].slice(-20);
    if (roll < 0.25 && earlier.length > 0) {
      const job = random.pick(earlier);
      const onFailure = random.pick(["cancel", "run"] as const);
      const isSent = await stage
        .send(id, { work: "return" }, { dependsOn: [{ job, onFailure }] })
        .then(() => true)
        .catch((error) => {
          // The dependency was damaged and is gone.
          if (!isQueueError(error) || error.retryable) throw error;
          return false;
        });
      if (isSent) cancelledWith.set(id, onFailure === "cancel" ? [job] : []);
    } else {
      const milliseconds = random.between(0, 100);
      if (roll < 0.4) await stage.send(id, { work: "sleep", milliseconds, key: random.pick(["a", "b"]) });
      else if (roll < 0.5) await stage.send(id, { work: "return", failures: 1 });
      else if (roll < 0.6) await stage.send(id, { work: "return" }, { delay: random.between(1, 500) });
      else if (roll < 0.7) await stage.send(id, { work: "return" }, { priority: random.between(1, 9) });
      else await stage.send(id, { work: "sleep", milliseconds });
      cancelledWith.set(id, []);
    }
    await pause(SEND_PACE);
  }
  return cancelledWith;
}

/** Resolves once the engine's audit has started two more rounds. */
async function auditRoundsPassed({ redis, namespace }: Stage): Promise<void> {
  let [rounds, last] = [0, ""];
  await eventually(REPAIR_TIMEOUT, "second round of the audit", async () => {
    // The key may be damaged itself.
    const place = (await redis.admin.get(`{${namespace}}:audit`).catch(() => null)) ?? "";
    if (place !== last && place.endsWith(" 0")) rounds++;
    last = place;
    return rounds > 2;
  });
}

/** Describes unfinished jobs, and why they haven't ended. */
async function describeLeft({ queue, engine }: Stage): Promise<string> {
  const lines = [`counted ${JSON.stringify(await engine.queues.counts())}`];
  const { jobs } = await queue.list({ state: ["blocked", "scheduled", "queued", "active"], limit: 10 });
  for (const { id } of jobs) lines.push(`${id}: ${(await queue.explain(id)).summary}`);
  return lines.join("; ");
}

/** Asserts that every job without damage, in itself and in its dependencies, has completed. */
function assertUndamagedCompleted(
  workers: readonly WorkerProgram[],
  cancelledWith: ReadonlyMap<string, readonly string[]>,
  { victims, log }: KeyDamage,
): void {
  const completed = new Set<string>();
  for (const report of workers.flatMap(({ reports }) => reports)) {
    if (report.type !== "settled" || report.verdict !== "accepted") continue;
    if (report.outcome === "complete") completed.add(report.id);
  }
  const excused = new Set(victims);
  const missing: string[] = [];
  // In send order, so that dependencies come first.
  for (const [id, dependencies] of cancelledWith) {
    if (dependencies.some((job) => excused.has(job))) excused.add(id);
    else if (!excused.has(id) && !completed.has(id)) missing.push(id);
  }
  assert.equal(
    missing.length,
    0,
    `${missing} weren't damaged, but didn't complete, after: ${log.join("; ")}`,
  );
}

/** Script calls of all clients during an idle second. */
async function scriptCalls({ redis }: Stage): Promise<number> {
  const count = async () => {
    const stats = await redis.admin.info("commandstats");
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const before = await count();
  await pause(IDLE_WINDOW);
  return Math.round(((await count()) - before) * (1_000 / IDLE_WINDOW));
}

function assertFewRuns({ histories }: Stage): void {
  const runs = new Map<string, number>();
  for (const line of histories.flatMap(readHistory)) {
    if (line.type === "started") runs.set(line.id, (runs.get(line.id) ?? 0) + 1);
  }
  for (const [id, count] of runs) assert.ok(count <= MAX_RUNS, `${id} ran ${count} times`);
}

/** Asserts that the reports and the values moved aside expire. */
async function assertReportsExpire({ redis, namespace }: Stage): Promise<void> {
  for (const key of await redis.admin.keys(`{${namespace}}:corrupt*`)) {
    assert.ok((await redis.admin.pttl(key)) > 0, `${key} expires`);
  }
}
