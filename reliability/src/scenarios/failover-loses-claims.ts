import assert from "node:assert/strict";
import { isTerminal } from "@org/queue";
import { redisEngine } from "@org/queue/redis";
import { startRedis } from "@org/test-servers";
import { Redis } from "ioredis";
import { readHistory } from "../history/history-file.ts";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage, WorkerProgram } from "../stage/stage.ts";
import { eventually } from "../stage/until.ts";
import { Load } from "./load.ts";
import { failOver } from "./planned-failover.ts";

/** Milliseconds for each step of the servers. */
const STEP_TIMEOUT = 15_000;

export const failoverLosesClaims: Scenario = {
  name: "failover-loses-claims",
  promise: "after a failover that lost claims, the outcomes of those claims are refused",
  losesEvents: true,
  async run(stage) {
    const { random, redis } = stage;
    const other = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
    const replica = new Redis(other.url);
    const engine = redisEngine({ url: other.url, namespace: stage.namespace });
    try {
      await redis.admin.config("SET", "repl-diskless-sync-delay", "0");
      // For each key, one job that waits for a command and one behind it.
      const keys = Array.from({ length: random.between(1, 4) }, (_, index) => `key-${index}`);
      const held = keys.map((key) => `held-${key}`);
      for (const key of keys) {
        await stage.send(`held-${key}`, { work: "wait", key });
        await stage.send(`next-${key}`, { work: "return", key });
      }
      await replica.replicaof("127.0.0.1", redis.admin.options.port!);
      await eventually(STEP_TIMEOUT, "replica", async () => {
        return (await redis.admin.info("replication")).includes("state=online");
      });

      const proxy = await stage.startProxy();
      const [earlier, later] = await Promise.all(
        [{ name: "earlier", ignoresSignals: true }, { name: "later" }].map(({ name, ...own }) =>
          stage.standbyWorker(name, { url: proxy.url, ...own }),
        ),
      );
      // Without dependencies: a dependent of a job that the failover lost can't be sent.
      const load = await Load.start(stage, {
        workers: 0,
        producer: { url: proxy.url, mix: "plain", jobs: 80, lanes: 3, pace: 40 },
      });
      await load.sent(random.between(10, 40));

      const from = monotonic();
      await caughtUp(redis.admin, replica);
      await replica.replicaof("NO", "ONE");
      earlier!.send({ command: "start" });
      const claims = await Promise.all(held.map((job) => earlier!.until("started", ({ id }) => id === job)));
      await earlier!.until("settled", ({ verdict }) => verdict === "accepted");
      earlier!.freeze();
      proxy.redirectTo(other.url);
      proxy.cut();
      await redis.admin.replicaof("127.0.0.1", replica.options.port!);

      later!.send({ command: "start" });
      for (const { id, epoch } of claims) {
        const again = await later!.until("started", (report) => report.id === id);
        assert.equal(again.epoch, epoch, `${id} is claimed again, as if for the first time`);
      }
      // Outcomes of its handlers are sent as soon as it thaws, before a heartbeat can be refused.
      for (const { id } of claims) if (random.chance(0.5)) earlier!.send({ command: "finish", id });
      earlier!.thaw();
      // Its connection was cut. A reply means that it has a new one. Frozen past its lease, it asks nothing any more.
      await Promise.race([
        earlier!.until("aborted"),
        earlier!.until("settled", ({ verdict }) => verdict === "stale"),
        earlier!.until("extended", ({ status }) => status === "lost"),
      ]);
      // While frozen it hadn't read the replies of the old primary.
      const to = monotonic();
      stage.loss = { from, to };
      for (const { id, epoch } of claims) earlier!.send({ command: "use-expired-lease", id, epoch });
      await assertRefused(earlier!, held.length);
      for (const record of await engine.inspect.get(held.map((id) => ({ id })))) {
        assert.equal(record?.state, "active", `${record?.id} is still the later claim's`);
        assert.deepEqual(record.logs, [], "logs of the lost claim");
        assert.notEqual(record.progress, '{"by":"a stale attempt"}');
      }
      const next = keys.map((key) => `next-${key}`);
      const hasStarted = ({ type, ...report }: { type: string; id?: string }) =>
        type === "started" && next.includes(report.id!);
      assert.equal(earlier!.count(hasStarted) + later!.count(hasStarted), 0, "the next job of a key waits");

      for (const id of held) {
        later!.send({ command: "finish", id });
        await later!.until("settled", (report) => report.id === id && report.verdict === "accepted");
      }
      await load.allSent();
      await eventually(STEP_TIMEOUT, "end of the jobs behind", async () => {
        return (await engine.inspect.get(next.map((id) => ({ id })))).every(
          (record) => record && isTerminal(record.state),
        );
      });
      assertEndedOnce(stage, to);
      // The audit reads the stage's own server.
      await failOver(replica, redis.admin, proxy);
    } finally {
      await engine.core.close();
      replica.disconnect();
      await other.stop();
    }
  },
};

/** Resolves once the replica has everything that the primary had at the time of the call. */
async function caughtUp(primary: Redis, replica: Redis): Promise<void> {
  const offset = async (server: Redis, field: string) =>
    Number(new RegExp(`${field}:(\\d+)`).exec(await server.info("replication"))?.[1]);
  const wanted = await offset(primary, "master_repl_offset");
  await eventually(STEP_TIMEOUT, "replica that has caught up", async () => {
    return (await offset(replica, "slave_repl_offset")) >= wanted;
  });
}

async function assertRefused(worker: WorkerProgram, count: number): Promise<void> {
  await worker.until("late", () => worker.count(({ type }) => type === "late") === count);
  for (const report of worker.reports) {
    if (report.type !== "late") continue;
    assert.equal(report.extended, "lost");
    assert.deepEqual(report.settled, { complete: "stale", retry: "stale", fail: "stale", cancel: "stale" });
  }
}

/**
 * Asserts that no job has two accepted endings on the new primary, which replies to the earlier worker after `from`.
 */
function assertEndedOnce(stage: Stage, from: number): void {
  const ended = new Set<string>();
  for (const line of stage.histories.flatMap(readHistory)) {
    if (line.type !== "settled" || (line.by === "earlier" && line.at < from)) continue;
    if (line.verdict !== "accepted" || line.outcome === "retry") continue;
    assert.ok(!ended.has(line.id), `a second ending of ${line.id} was accepted`);
    ended.add(line.id);
  }
}
