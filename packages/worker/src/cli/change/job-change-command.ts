import { formatJobQuery, type JobFilterOptions } from "@org/queue";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { type Command, defineCommand, type FlagDefinitions } from "../command.ts";
import { noneText, QUERY_HELP, readQuery } from "../query.ts";
import { changeIds } from "./change-ids.ts";
import { changeMatching } from "./change-matching.ts";
import type { ChangeOptions, JobChange } from "./job-change.ts";

/** Characters of a reason to cancel. */
const MAX_REASON = 1_000;

/** Flags of each command that asks before it changes many jobs. */
export const CHANGE_FLAGS = {
  yes: { type: "boolean", short: "y", description: "don't ask" },
  "dry-run": { type: "boolean", description: "say how many jobs, and change nothing" },
} as const satisfies FlagDefinitions;

export const CURSOR_FLAG = {
  cursor: { type: "string", value: "CURSOR", description: "go on where an earlier run has stopped" },
} as const satisfies FlagDefinitions;

/** The command of a change of jobs. */
export function jobChangeCommand(
  change: JobChange,
  {
    summary,
    about,
    flags = {},
    examples,
  }: Pick<Command, "summary" | "examples"> & { readonly about: string; readonly flags?: FlagDefinitions },
): Command {
  const { name, isDestructive } = change;
  const asks = isDestructive ? "Asks before it begins" : "Asks before it changes several jobs by a query";
  return defineCommand({
    name,
    summary,
    description:
      `${about}\n${asks}; --yes answers. Ctrl-C stops after the step in hand, and prints the command that goes on.\n` +
      `Exits with ${EXIT_CODES.FAILED} if a job of an ID wasn't changed.\n\n${QUERY_HELP}`,
    arguments: [{ name: "ID", description: "jobs; - reads ids from stdin", required: false, rest: true }],
    flags: {
      where: { type: "string", short: "w", value: "QUERY", description: "all jobs that a query selects" },
      ...flags,
      ...CHANGE_FLAGS,
      ...CURSOR_FLAG,
    },
    examples,
    async run({ args, flags }, context) {
      const { where, cursor } = flags;
      const { reason, force } = flags as ChangeOptions;
      checkReason(reason);
      const options = { reason, force };
      if ((where === undefined) === (args.length === 0)) {
        const problem = where === undefined ? "Which jobs?" : "Ids and --where exclude each other.";
        throw new CommandError(
          `${problem} Give ids, or --where QUERY. See: queue ${name} --help`,
          EXIT_CODES.USAGE,
        );
      }
      if (where === undefined) {
        if (cursor !== undefined) throw new CommandError("--cursor goes with --where.", EXIT_CODES.USAGE);
        return changeIds({ change, args, options, flags }, context);
      }
      const queue = await context.openQueue();
      const selected = await readQuery([where], queue);
      const filter = narrow(change, selected, options);
      return changeMatching(
        {
          verb: change.verb,
          participle: change.participle,
          filter,
          step: (from) => change.step(queue, filter, { ...options, cursor: from }),
          flags,
          line: { name, flags: { where: formatJobQuery(selected), ...options } },
          isDestructive,
          none: noneText(queue, filter),
        },
        context,
      );
    },
  });
}

/** Before anything is opened or asked. */
function checkReason(reason: string | undefined): void {
  if (reason === undefined || (reason !== "" && reason.length <= MAX_REASON)) return;
  const problem = reason === "" ? "it is empty" : `it has ${reason.length.toLocaleString("en")} characters`;
  throw new CommandError(
    `--reason: ${problem}, and 1 to ${MAX_REASON.toLocaleString("en")} are taken.`,
    EXIT_CODES.USAGE,
  );
}

/** The filter with the states of jobs that the change applies to. */
function narrow(change: JobChange, filter: JobFilterOptions, options: ChangeOptions): JobFilterOptions {
  if (Object.keys(filter).length === 0) {
    throw new CommandError(
      "--where has no condition, so it would select every job. Give one, such as state:failed.",
      EXIT_CODES.USAGE,
    );
  }
  const { state, ...others } = filter;
  const wanted = state === undefined ? undefined : [state].flat();
  const states = change.states(options).filter((each) => wanted?.includes(each) ?? true);
  if (states.length > 0) return { state: states, ...others };
  throw new CommandError(
    `--where selects jobs that are ${wanted?.join(" or ")}, but ${change.needs}.`,
    EXIT_CODES.USAGE,
  );
}
