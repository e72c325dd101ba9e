import { pausingCommand } from "../change/pausing-command.ts";

export const resumeCommand = pausingCommand({
  name: "resume",
  paused: false,
  summary: "lets paused queues hand out jobs again",
  examples: [["queue resume mail", "one queue"]],
});
