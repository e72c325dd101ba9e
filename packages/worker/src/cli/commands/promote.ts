import { PROMOTE } from "../change/job-change.ts";
import { jobChangeCommand } from "../change/job-change-command.ts";

export const promoteCommand = jobChangeCommand(PROMOTE, {
  summary: "makes scheduled jobs due now, retries among them",
  about: "A job that failed an attempt is scheduled until its backoff is over: it can be promoted too.",
  examples: [
    ["queue promote 01jdy1k3v7e8m2n4p6q8r0s2", "one job"],
    ["queue promote --where message:EMAIL", "all scheduled jobs of one message"],
  ],
});
