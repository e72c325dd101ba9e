import { EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import { milliseconds } from "../flags.ts";
import { waitForJob } from "../wait-for-job.ts";

export const waitCommand = defineCommand({
  name: "wait",
  summary: "waits until a job has ended, and prints its result",
  description:
    `Exits with ${EXIT_CODES.OK} if it completed, ${EXIT_CODES.FAILED} if it failed, ${EXIT_CODES.CANCELLED} if it was cancelled, ${EXIT_CODES.WAIT_TIMEOUT} if the timeout came first.\n` +
    "What it does meanwhile goes to stderr. With --json: { id, state, result?, error? }. Sensitive values are masked.",
  arguments: [{ name: "ID", description: "the job's id" }],
  flags: {
    timeout: {
      type: "string",
      short: "t",
      value: "TIME",
      description: "longest to wait, as in 30s (no limit)",
    },
  },
  examples: [
    ["queue wait 01jdy1k3v7e8m2n4p6q8r0s2 --timeout 5m", "in a deploy script"],
    ['queue wait "$ID" | jq .planId', "use its result"],
  ],
  async run({ args, flags }, context) {
    const [id = ""] = args;
    const timeout = milliseconds("timeout", flags.timeout);
    const queue = await context.openQueue();
    return waitForJob(queue, id, { context, timeout, json: flags.json });
  },
});
