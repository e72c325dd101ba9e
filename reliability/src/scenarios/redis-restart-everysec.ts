import { setTimeout as pause } from "node:timers/promises";
import { monotonic } from "../monotonic.ts";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

/** Redis syncs once a second, and delays a sync by up to another second while the disk is slow. */
const MAX_UNSYNCED = 2_000;

export const redisRestartEverysec: Scenario = {
  name: "redis-restart-everysec",
  promise: "with appendfsync everysec, a killed Redis loses at most its last two seconds",
  appendFsync: "everysec",
  losesEvents: true,
  async run(stage) {
    // Without dependencies: a dependent of a job that Redis lost can't be sent.
    const load = await Load.start(stage, { producer: { mix: "plain", jobs: 150, pace: 20 } });
    await load.sent(50);
    // Waits, so that there are jobs acknowledged before the unsynced period.
    await pause(MAX_UNSYNCED + stage.random.between(0, 500));
    const killedAt = monotonic();
    await stage.redis.kill();
    stage.loss = { from: killedAt - MAX_UNSYNCED, to: monotonic() };
    await stage.redis.restart();
    await load.allSent();
  },
};
