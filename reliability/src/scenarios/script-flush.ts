import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

export const scriptFlush: Scenario = {
  name: "script-flush",
  promise: "scripts are loaded again after SCRIPT FLUSH",
  async run(stage) {
    const load = await Load.start(stage);
    for (let round = 1; round <= 8; round++) {
      await load.sent(round * stage.random.between(10, 35));
      await stage.redis.admin.script("FLUSH");
    }
    await load.allSent();
  },
};
