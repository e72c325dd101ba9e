import { startRedis, type TcpProxy } from "@org/test-servers";
import { Redis } from "ioredis";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { eventually } from "../stage/until.ts";
import { ListeningApp } from "./listening.ts";
import { Load } from "./load.ts";
import { assertInTime } from "./recovery.ts";

/** Maximum milliseconds until events arrive again. */
const MAX_EVENT_GAP = 10_000;
/** Milliseconds for each step of the servers. */
const HANDOVER_TIMEOUT = 15_000;
/** Below the interval at which waits poll their jobs without events. */
const MAX_WAIT = 4_000;

/** Makes the replica the primary, and redirects new connections to it. The old primary becomes a replica. */
export async function failOver(from: Redis, to: Redis, proxy: TcpProxy): Promise<void> {
  const { port } = to.options;
  const says = async (server: Redis, text: string) => (await server.info("replication")).includes(text);
  await eventually(HANDOVER_TIMEOUT, "replica", () => says(from, `port=${port},state=online`));
  await from.call("FAILOVER", "TO", "127.0.0.1", String(port));
  await eventually(HANDOVER_TIMEOUT, "new primary", () => says(to, "role:master"));
  await eventually(HANDOVER_TIMEOUT, "old primary as a replica", () => says(from, "role:slave"));
  proxy.redirectTo(`redis://127.0.0.1:${port}`);
}

export const plannedFailover: Scenario = {
  name: "planned-failover",
  promise: "a planned failover and one back, with the old primary alive, lose nothing, and events resume",
  losesEvents: true,
  async run(stage) {
    const replica = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
    const admin = new Redis(replica.url);
    const first = stage.redis.admin;
    let listening: ListeningApp | undefined;
    try {
      await first.config("SET", "repl-diskless-sync-delay", "0");
      await admin.replicaof("127.0.0.1", first.options.port!);
      const proxy = await stage.startProxy();
      const load = await Load.start(stage, {
        worker: { url: proxy.url },
        producer: { url: proxy.url, jobs: 12, pace: 250 },
      });
      listening = await ListeningApp.start(stage, proxy.url);
      for (const [from, to] of [
        [first, admin],
        [admin, first],
      ] as const) {
        await load.sent(stage.random.between(5, 25));
        const gap = listening.gap();
        await failOver(from, to, proxy);
        const since = monotonic();
        await gap;
        assertInTime(stage, "failover to events", monotonic() - since, MAX_EVENT_GAP);
        const problem = (await listening.health()).reasons.find(({ kind }) => kind === "engine");
        if (problem) throw new Error(`health after the failover: ${problem.text}`);
        assertInTime(stage, "wait after the failover", await listening.sendAndWait(), MAX_WAIT);
      }
      await load.allSent();
    } finally {
      await listening?.close();
      admin.disconnect();
      await replica.stop();
    }
  },
};
