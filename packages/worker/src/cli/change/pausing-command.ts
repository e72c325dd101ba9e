import type { QueueStats } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { type Command, defineCommand } from "../command.ts";
import { findQueues } from "../known-queues.ts";
import { formatCount } from "../output/figures.ts";
import { oneLine } from "../output/text.ts";

/** The command that pauses queues, or the one that resumes them. */
export function pausingCommand({
  paused,
  ...parts
}: Pick<Command, "name" | "summary" | "description" | "examples"> & { readonly paused: boolean }): Command {
  return defineCommand({
    ...parts,
    arguments: [{ name: "QUEUE", description: "which", rest: true }],
    flags: {},
    async run({ args, flags }, context) {
      const queue = await context.openQueue();
      const { terminal } = context;
      const done: { queue: string; paused: boolean; changed: boolean }[] = [];
      for (const entry of await findQueues(queue, args)) {
        const changed = entry.paused !== paused;
        if (changed) await (paused ? queue.pause(entry.queue) : queue.resume(entry.queue));
        done.push({ queue: entry.queue, paused, changed });
        if (!flags.json) terminal.print(describe(entry, { paused, changed }));
      }
      if (flags.json) terminal.printJson(done);
      return EXIT_CODES.OK;
    },
  });
}

function describe(
  { queue, states: { queued, active } }: QueueStats,
  { paused, changed }: { readonly paused: boolean; readonly changed: boolean },
): string {
  const name = oneLine(queue);
  const jobs = (count: number) => `${formatCount(count)} ${count === 1 ? "job" : "jobs"}`;
  if (!paused) return changed ? `${name} is resumed: ${jobs(queued)} can run.` : `${name} wasn't paused.`;
  const now = changed ? "is paused" : "was paused already";
  const waiting = `${jobs(queued)} ${queued === 1 ? "waits" : "wait"}`;
  return `${name} ${now}: ${waiting}, ${formatCount(active)} still ${active === 1 ? "runs" : "run"}.`;
}
