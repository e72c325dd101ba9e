import { type CleanOptions, JOB_STATES, type Queue } from "@org/queue";
import { closest } from "../../closest.ts";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { CHANGE_FLAGS } from "../change/job-change-command.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { milliseconds } from "../flags.ts";
import { findQueues } from "../known-queues.ts";
import { formatCount } from "../output/figures.ts";
import { dryRunText, jobsText, Progress, type ProgressTotal } from "../progress.ts";
import { shellLine } from "../shell-line.ts";

type CleanedState = CleanOptions["state"];

const STATES = JOB_STATES.filter((state): state is CleanedState => state !== "active");
const JOBS_A_STEP = 1_000;

export const cleanCommand = defineCommand({
  name: "clean",
  summary: "removes old jobs of one state, oldest first",
  description:
    "Jobs that others depend on, or that hold their ordering key, are kept. Age counts from a job's end; of those that\n" +
    "haven't ended, from when they were sent. Asks before it begins; --yes answers. Ctrl-C stops after the step in hand.",
  arguments: [{ name: "STATE", description: STATES.join(", ") }],
  flags: {
    "older-than": { type: "string", value: "TIME", description: "only jobs of this age, as in 7d (any)" },
    queue: { type: "string", short: "q", value: "NAME", description: "only of this queue" },
    ...CHANGE_FLAGS,
  },
  examples: [
    ["queue clean completed --older-than 7d", "what completed a week ago or earlier"],
    ["queue clean failed --queue mail --dry-run", "how many would it be?"],
  ],
  async run({ args: [given = ""], flags }, context) {
    const state = readState(given);
    const olderThan = milliseconds("older-than", flags["older-than"]) ?? 0;
    const { queue: name, json } = flags;
    const { terminal, signal } = context;
    const queue = await context.openQueue();
    if (name !== undefined) await findQueues(queue, [name]);
    const wanted = { state, olderThan, ...(name !== undefined && { queue: name }) };
    const total = await countOld(queue, wanted);
    const isNone = total.isExact && total.count === 0;
    const what = `Remove ${jobsText(total)}`;
    if (flags["dry-run"]) {
      if (json) terminal.printJson({ dryRun: true, ...total });
      else terminal.print(isNone ? "No job matches." : dryRunText(what));
      return EXIT_CODES.OK;
    }
    const shown = { "older-than": flags["older-than"], queue: name, config: flags.config, json };
    const line = shellLine("clean", [state], { ...shown, yes: true });
    if (!isNone && !(await confirm(context, { what, yes: flags.yes, line }))) return EXIT_CODES.FAILED;
    let removed = 0;
    const tellStopped = () => {
      if (json) terminal.printJson({ removed, complete: false, next: line });
      else
        terminal.inform(
          `Stopped. Removed ${formatCount(removed)} jobs. To go on with the others:\n  ${line}`,
        );
    };
    try {
      for await (const step of removeOld(queue, wanted, total, context)) removed += step;
    } catch (error) {
      if (removed > 0) tellStopped();
      throw error;
    }
    if (signal.aborted) tellStopped();
    signal.throwIfAborted();
    if (json) terminal.printJson({ removed, complete: true });
    if (json) return EXIT_CODES.OK;
    const left = total.isExact && removed < total.count ? total.count - removed : 0;
    const rest = left > 0 ? ` ${leftText(left)}` : "";
    terminal.print(`Removed ${jobsText({ count: removed, isExact: true })}.${rest}`);
    return EXIT_CODES.OK;
  },
});

function leftText(count: number): string {
  if (count === 1) return "1 is left: another job needs it, or it has changed.";
  return `${formatCount(count)} are left: other jobs need them, or they have changed.`;
}

function readState(given: string): CleanedState {
  const state = STATES.find((each) => each === given);
  if (state) return state;
  const close = given === "active" ? undefined : closest(given, STATES);
  const hint = close ? `Did you mean ${close}?` : `It is one of: ${STATES.join(", ")}.`;
  throw new CommandError(
    `${JSON.stringify(given)} isn't a state that can be cleaned. ${hint}`,
    EXIT_CODES.USAGE,
  );
}

type Wanted = Required<Pick<CleanOptions, "state">> & { readonly olderThan: number; readonly queue?: string };

function countOld(queue: Queue, { state, olderThan, queue: name }: Wanted): Promise<ProgressTotal> {
  const hasEnded = state === "completed" || state === "failed" || state === "cancelled";
  const until = new Date(Date.now() - olderThan);
  return queue.count({
    state,
    queue: name,
    ...(olderThan > 0 && (hasEnded ? { finishedTo: until } : { sentTo: until })),
  });
}

/** How many each step has removed, of the jobs that were old enough at the beginning: others become so meanwhile. */
async function* removeOld(
  queue: Queue,
  { olderThan, ...wanted }: Wanted,
  total: ProgressTotal,
  { terminal, signal }: CommandContext,
): AsyncGenerator<number> {
  const startedAt = performance.now();
  const progress = new Progress(terminal, "Removed", total);
  let removed = 0;
  let step: number;
  try {
    do {
      const age = olderThan + Math.floor(performance.now() - startedAt);
      step = await queue.clean({ ...wanted, olderThan: age, limit: JOBS_A_STEP });
      removed += step;
      progress.update(removed);
      yield step;
    } while (step > 0 && !signal.aborted);
  } finally {
    progress.end();
  }
}
