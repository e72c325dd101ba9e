import type { Scenario } from "../scenario.ts";
import { playLostSend } from "./lost-send.ts";

export const producerLosesRequest: Scenario = {
  name: "producer-loses-request",
  promise: "a send whose request was lost is stored once when it is resent",
  run: (stage) => playLostSend(stage, "drop-request"),
};
