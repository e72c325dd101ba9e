import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const redisRestartAlways: Scenario = {
  name: "redis-restart-always",
  promise: "with appendfsync always, a killed Redis comes back with everything it acknowledged",
  appendFsync: "always",
  losesEvents: true,
  async run(stage) {
    const load = await Load.start(stage);
    await load.sent(stage.random.between(30, 250));
    await stage.redis.kill();
    await stage.redis.restart();
    await load.allSent();
  },
};
