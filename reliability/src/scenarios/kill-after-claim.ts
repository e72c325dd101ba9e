import type { Scenario } from "../scenario.ts";
import { playDeath } from "./recovery.ts";

export const killAfterClaim: Scenario = {
  name: "kill-after-claim",
  promise: "a worker killed between a claim and its handler loses no job",
  run: (stage) => playDeath(stage, "claimed"),
};
