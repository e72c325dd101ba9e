import type { Scenario } from "../scenario.ts";
import { ListeningApp } from "./listening.ts";
import { Load } from "./load.ts";
import { assertInTime } from "./recovery.ts";

const LOSSES = 3;
/** Below the interval at which waits poll their jobs without events. */
const MAX_DURATION = 4_000;

export const subscriptionLost: Scenario = {
  name: "subscription-lost",
  promise: "a subscription that is lost and restored reports the gap, and no wait misses an ending",
  losesEvents: true,
  async run(stage) {
    const load = await Load.start(stage, { producer: { jobs: 10 } });
    const listening = await ListeningApp.start(stage, stage.redis.url);
    try {
      for (let round = 1; round <= LOSSES; round++) {
        await load.sent(round * stage.random.between(8, 11));
        const gap = listening.gap();
        const waits = Array.from({ length: 10 }, () => listening.sendAndWait());
        await stage.redis.admin.call("CLIENT", "KILL", "TYPE", "pubsub");
        await gap;
        for (const took of await Promise.all(waits))
          assertInTime(stage, "wait across a gap", took, MAX_DURATION);
      }
      if (listening.gaps < LOSSES) throw new Error(`${LOSSES} losses, and ${listening.gaps} gaps told`);
      await load.allSent();
    } finally {
      await listening.close();
    }
  },
};
