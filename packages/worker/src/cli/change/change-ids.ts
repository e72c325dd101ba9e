import { JOB_QUERY_QUALIFIERS, type JobOutcome, type JobState, type Queue } from "@org/queue";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { formatCount } from "../output/figures.ts";
import { oneLine } from "../output/text.ts";
import { dryRunText, jobsText, Progress } from "../progress.ts";
import { readAll } from "../read-all.ts";
import { type ShownFlags, shellLine } from "../shell-line.ts";
import type { ChangeOptions, JobChange } from "./job-change.ts";

/** Jobs that one call changes. A signal stops between two. */
const JOBS_A_CALL = 1_000;
/** Ids that a command line to copy may have. */
const MAX_LISTED_IDS = 20;
const CHANGED: readonly string[] = ["retried", "cancelled", "cancelling", "promoted", "removed"];
const ID = /^[A-Za-z0-9_.:-]{1,128}$/;

interface IdFlags {
  readonly yes?: boolean | undefined;
  readonly "dry-run"?: boolean | undefined;
  readonly json?: boolean | undefined;
  readonly config?: string | undefined;
}

export interface IdsRequest {
  readonly change: JobChange;
  /** As they were given: `-` is those of stdin. */
  readonly args: readonly string[];
  readonly options: ChangeOptions;
  readonly flags: IdFlags;
}

/** Changes jobs by their ids, and says of each that isn't changed why. */
export async function changeIds(request: IdsRequest, context: CommandContext): Promise<number> {
  const { change, args, options, flags } = request;
  const { terminal } = context;
  const ids = await readIds(args, context);
  if (ids.length === 0) {
    terminal.inform("No ids came from stdin: nothing was changed.");
    return EXIT_CODES.OK;
  }
  const queue = await context.openQueue();
  if (flags["dry-run"]) return dryRun(queue, ids, request, context);
  const { signal } = context;
  if (change.isDestructive) {
    const line = lineOf(request, args, { yes: true });
    const what = `${change.verb} ${ids.length === 1 ? `the job ${ids[0]}` : countOf(ids.length)}`;
    if (!(await confirm(context, { what, yes: flags.yes, line }))) return EXIT_CODES.FAILED;
  }
  const outcomes: JobOutcome<string>[] = [];
  const progress = new Progress(terminal, change.participle, { count: ids.length, isExact: true });
  const told = async (some: readonly JobOutcome<string>[]) => {
    if (flags.json) return;
    const unchanged = some.filter(({ outcome }) => !CHANGED.includes(outcome)).map(({ id }) => id);
    if (unchanged.length === 0) return;
    progress.end();
    for (const line of await explainUnchanged(queue, unchanged, change, options)) terminal.inform(line);
  };
  try {
    while (outcomes.length < ids.length && !signal.aborted) {
      const some = await change.many(
        queue,
        ids.slice(outcomes.length, outcomes.length + JOBS_A_CALL),
        options,
      );
      outcomes.push(...some);
      progress.update(changedOf(outcomes), outcomes.length);
      await told(some);
    }
  } catch (error) {
    progress.end();
    report(request, outcomes, ids, context);
    throw error;
  }
  progress.end();
  report(request, outcomes, ids, context);
  if (outcomes.length < ids.length) signal.throwIfAborted();
  return changedOf(outcomes) === ids.length ? EXIT_CODES.OK : EXIT_CODES.FAILED;
}

/** Each once. They are checked before anything is changed. */
async function readIds(args: readonly string[], { terminal }: CommandContext): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const arg of args) {
    if (arg !== "-") ids.push(arg);
    else ids.push(...(await readAll(terminal.stdin)).split(/\s+/).filter((id) => id !== ""));
  }
  const wrong = ids.find((id) => !ID.test(id));
  if (wrong === undefined) return [...new Set(ids)];
  throw new CommandError(
    `${JSON.stringify(oneLine(wrong))} isn't the id of a job. To select jobs by a query: --where QUERY`,
    EXIT_CODES.USAGE,
  );
}

async function dryRun(
  queue: Queue,
  ids: readonly string[],
  { change, options, flags }: IdsRequest,
  { terminal }: CommandContext,
): Promise<number> {
  const states = change.states(options);
  const refused: string[] = [];
  for (let start = 0; start < ids.length; start += JOBS_A_CALL) {
    const some = ids.slice(start, start + JOBS_A_CALL);
    const jobs = await queue.getMany(some);
    refused.push(...some.filter((_, index) => !states.includes(jobs[index]?.state as JobState)));
  }
  const count = ids.length - refused.length;
  if (flags.json) {
    terminal.printJson({ dryRun: true, count, isExact: true });
    return EXIT_CODES.OK;
  }
  for (const line of await explainUnchanged(queue, refused, change, options)) terminal.inform(line);
  terminal.print(dryRunText(`${change.verb} ${countOf(count)}`));
  return EXIT_CODES.OK;
}

async function explainUnchanged(
  queue: Queue,
  ids: readonly string[],
  { needs, states }: JobChange,
  options: ChangeOptions,
): Promise<readonly string[]> {
  const jobs = await queue.getMany(ids);
  return ids.map((id, index) => {
    const { state } = jobs[index] ?? {};
    if (state === undefined)
      return `job ${id} isn't stored: it never was, or its retention is over.${queryHint(id)}`;
    // It may have changed between the two calls.
    const reason = states(options).includes(state)
      ? "it has changed meanwhile, run the command again"
      : needs;
    return `job ${id} is ${state}: ${reason}.`;
  });
}

/** An id may look like a condition, but hardly ever does. */
function queryHint(id: string): string {
  const isCondition = JOB_QUERY_QUALIFIERS.some(({ name }) => id.startsWith(`${name}:`));
  return isCondition ? ` Is it a query? Then: --where ${id}` : "";
}

function report(
  request: IdsRequest,
  outcomes: readonly JobOutcome<string>[],
  ids: readonly string[],
  { terminal }: CommandContext,
): void {
  const { change, flags } = request;
  const changed = changedOf(outcomes);
  if (flags.json) terminal.printJson(outcomes);
  else if (ids.length > 1 && outcomes.length > 0) {
    const of = changed === ids.length ? "" : ` of ${formatCount(ids.length)}`;
    terminal.print(`${change.participle} ${formatCount(changed)}${of} jobs.${stopping(outcomes)}`);
  } else if (changed === 1) {
    terminal.print(`${change.participle} the job ${ids[0]}.${stopping(outcomes)}`);
  }
  const left = ids.slice(outcomes.length);
  if (left.length === 0 || outcomes.length === 0) return;
  const how =
    left.length > MAX_LISTED_IDS
      ? `the first that is left is ${left[0]}.`
      : `to go on:\n  ${lineOf(request, left, { yes: flags.yes })}`;
  terminal.inform(`Stopped with ${countOf(left.length)} left; ${how}`);
}

function stopping(outcomes: readonly JobOutcome<string>[]): string {
  const count = outcomes.filter(({ outcome }) => outcome === "cancelling").length;
  if (count === 0) return "";
  return outcomes.length === 1
    ? " It is running: its handler is told to stop."
    : ` ${formatCount(count)} of them ${count === 1 ? "is" : "are"} running: the handlers are told to stop.`;
}

function changedOf(outcomes: readonly JobOutcome<string>[]): number {
  return outcomes.filter(({ outcome }) => CHANGED.includes(outcome)).length;
}

function countOf(count: number): string {
  return jobsText({ count, isExact: true });
}

function lineOf({ change, options, flags }: IdsRequest, ids: readonly string[], more: ShownFlags): string {
  const { config, json } = flags;
  return shellLine(change.name, ids, { ...options, config, json, ...more });
}
