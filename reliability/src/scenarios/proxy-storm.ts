import { setTimeout as pause } from "node:timers/promises";
import type { ProxyMode } from "@org/test-servers";
import type { Scenario } from "../scenario.ts";
import { Load } from "./load.ts";

const MODES: readonly ProxyMode[] = ["drop-requests", "drop-replies", "stall", "refuse"];

export const proxyStorm: Scenario = {
  name: "proxy-storm",
  promise: "a network that drops, stalls and cuts connections at random loses nothing",
  async run(stage) {
    const { random } = stage;
    const proxy = await stage.startProxy();
    const load = await Load.start(stage, { worker: { url: proxy.url }, producer: { url: proxy.url } });
    await load.sent(40);
    for (let round = 0; round < 6; round++) {
      if (random.chance(0.3)) proxy.cut();
      else proxy.use(random.pick(MODES));
      // The duration is part of the fault.
      await pause(random.between(20, 300));
      proxy.use("pass");
      proxy.delay(random.pick([0, 0, 5]));
      await pause(random.between(50, 300));
    }
    proxy.delay(0);
    await load.allSent();
  },
};
