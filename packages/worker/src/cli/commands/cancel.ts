import { CANCEL } from "../change/job-change.ts";
import { jobChangeCommand } from "../change/job-change-command.ts";

export const cancelCommand = jobChangeCommand(CANCEL, {
  summary: "cancels jobs that haven't ended, also running ones",
  about:
    "Handlers that run are told to stop. What depends on a cancelled job is cancelled too, unless it says otherwise.",
  flags: {
    reason: { type: "string", value: "TEXT", description: "why, for the job's page and its handler" },
  },
  examples: [
    ["queue cancel 01jdy1k3v7e8m2n4p6q8r0s2", "one job"],
    ["queue cancel --where 'state:queued user:u1' --reason 'Account closed'", "what a user has waiting"],
  ],
});
