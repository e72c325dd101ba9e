import { REMOVE } from "../change/job-change.ts";
import { jobChangeCommand } from "../change/job-change-command.ts";

export const removeCommand = jobChangeCommand(REMOVE, {
  summary: "deletes jobs for good",
  about: "What waits for a removed job is decided as if that had been cancelled.",
  flags: {
    force: { type: "boolean", description: "active jobs too: their handlers are told to stop" },
  },
  examples: [
    ["queue remove 01jdy1k3v7e8m2n4p6q8r0s2", "one job"],
    ["queue remove --where 'state:completed user:u1'", "what a user's jobs have left"],
    ["queue remove --where 'state:failed finished:..2026-11-01' --dry-run", "how many would it be?"],
  ],
});
