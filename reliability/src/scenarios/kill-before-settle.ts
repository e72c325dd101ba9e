import type { Scenario } from "../scenario.ts";
import { playDeath } from "./recovery.ts";

export const killBeforeSettle: Scenario = {
  name: "kill-before-settle",
  promise: "a job whose worker is killed before it reports the outcome is run again",
  run: (stage) => playDeath(stage, "settling"),
};
