import { pausingCommand } from "../change/pausing-command.ts";

export const pauseCommand = pausingCommand({
  name: "pause",
  paused: true,
  summary: "stops queues from handing out jobs",
  description:
    "A paused queue goes on accepting jobs, and those that run finish. It stays paused until queue resume.",
  examples: [
    ["queue pause mail", "one queue"],
    ["queue pause mail reports", "two of them"],
  ],
});
