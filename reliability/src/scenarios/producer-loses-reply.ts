import type { Scenario } from "../scenario.ts";
import { playLostSend } from "./lost-send.ts";

export const producerLosesReply: Scenario = {
  name: "producer-loses-reply",
  promise: "a send whose reply was lost is stored once, although it is resent",
  run: (stage) => playLostSend(stage, "drop-reply"),
};
