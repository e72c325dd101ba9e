import { RETRY } from "../change/job-change.ts";
import { jobChangeCommand } from "../change/job-change-command.ts";

export const retryCommand = jobChangeCommand(RETRY, {
  summary: "runs failed and cancelled jobs again, with all their attempts",
  about:
    "By a query each job is retried once, also if it fails again meanwhile. Jobs that are sent meanwhile aren't touched.",
  examples: [
    ["queue retry 01jdy1k3v7e8m2n4p6q8r0s2", "one job"],
    ["queue retry --where 'state:failed message:EMAIL finished:<1h'", "what failed in the last hour"],
    ["queue retry --where error:ECONNRESET --yes", "what failed with one error, without asking"],
    ["queue jobs state:failed user:u1 --ids --all | queue retry -", "ids of another command"],
  ],
});
