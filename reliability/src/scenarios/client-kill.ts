import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const clientKill: Scenario = {
  name: "client-kill",
  promise: "connections that the server kills again and again lose and duplicate nothing",
  losesEvents: true,
  async run(stage) {
    const load = await Load.start(stage);
    for (let round = 1; round <= 6; round++) {
      await load.sent(round * stage.random.between(10, 45));
      await stage.redis.admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      if (stage.random.chance(0.5)) await stage.redis.admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    }
    await load.allSent();
  },
};
