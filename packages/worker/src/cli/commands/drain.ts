import type { JobFilterOptions } from "@org/queue";
import { changeMatching } from "../change/change-matching.ts";
import { REMOVE } from "../change/job-change.ts";
import { CHANGE_FLAGS, CURSOR_FLAG } from "../change/job-change-command.ts";
import { defineCommand } from "../command.ts";
import { findQueues } from "../known-queues.ts";

export const drainCommand = defineCommand({
  name: "drain",
  summary: "removes all jobs of a queue that wait to run",
  description:
    "Removes queued and blocked jobs for good. Active ones go on, and jobs that are sent meanwhile stay.\n" +
    "Asks before it begins; --yes answers. Ctrl-C stops after the step in hand, and prints the command that goes on.",
  arguments: [{ name: "QUEUE", description: "which" }],
  flags: {
    scheduled: { type: "boolean", description: "also jobs that wait for a time" },
    ...CHANGE_FLAGS,
    ...CURSOR_FLAG,
  },
  examples: [
    ["queue drain mail --dry-run", "how many would it be?"],
    ["queue drain mail --scheduled --yes", "all that wait, without asking"],
  ],
  async run({ args: [name = ""], flags }, context) {
    const { scheduled } = flags;
    const queue = await context.openQueue();
    await findQueues(queue, [name]);
    const state = ["queued", "blocked", ...(scheduled ? (["scheduled"] as const) : [])] as const;
    const filter: JobFilterOptions = { state, queue: name };
    return changeMatching(
      {
        verb: REMOVE.verb,
        participle: REMOVE.participle,
        filter,
        step: (cursor) => REMOVE.step(queue, filter, { cursor }),
        flags,
        line: { name: "drain", args: [name], flags: { scheduled } },
        isDestructive: true,
        none: "Nothing waits in this queue.",
      },
      context,
    );
  },
});
