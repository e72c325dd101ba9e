import type { Scenario } from "../scenario.ts";
import { playDeath } from "./recovery.ts";

export const killInHandler: Scenario = {
  name: "kill-in-handler",
  promise: "a worker killed in the middle of a handler leaves its job to a successor",
  run: (stage) => playDeath(stage, "begun"),
};
