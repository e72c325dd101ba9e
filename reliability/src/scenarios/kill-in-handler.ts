import type { Scenario } from "../scenario.ts";
import { playDeath } from "./recovery.ts";

export const killInHandler: Scenario = {
  name: "kill-in-handler",
  promise: "a job whose worker is killed in the middle of the handler is run again by another",
  run: (stage) => playDeath(stage, "started"),
};
