import { type BulkStep, isQueueError, type JobFilterOptions } from "@org/queue";
import { EXIT_CODES } from "../../exit-codes.ts";
import { confirm } from "../confirm.ts";
import type { CommandContext } from "../context.ts";
import { formatCount } from "../output/figures.ts";
import { countText, dryRunText, jobsText, Progress, type ProgressTotal } from "../progress.ts";
import { usageOfCursor } from "../query.ts";
import { type ShownFlags, shellLine } from "../shell-line.ts";

/** The flags of a command that changes what a filter selects. */
export interface MatchingFlags {
  readonly yes?: boolean | undefined;
  readonly "dry-run"?: boolean | undefined;
  readonly cursor?: string | undefined;
  readonly json?: boolean | undefined;
  readonly config?: string | undefined;
}

export interface Matching {
  /** At the beginning of a sentence: what is about to be done, and what was done. */
  readonly verb: string;
  readonly participle: string;
  readonly filter: JobFilterOptions;
  readonly step: (cursor: string | undefined) => Promise<BulkStep>;
  readonly flags: MatchingFlags;
  /** The command line without `flags`. It selects the same jobs whenever it is run: its times are absolute. */
  readonly line: {
    readonly name: string;
    readonly args?: readonly string[];
    readonly flags?: ShownFlags;
  };
  /** Whether even a single job isn't changed without asking. */
  readonly isDestructive: boolean;
  /** What to say when nothing matches. */
  readonly none: string;
}

/**
 * Changes all jobs that a filter selects, in bounded steps from the newest to the oldest. A signal stops it after the
 * step in hand; its cursor goes on from there, so that no job is changed twice,
 * unless the server was lost before it answered a step.
 */
export async function changeMatching(matching: Matching, context: CommandContext): Promise<number> {
  const { flags, none, participle, isDestructive } = matching;
  const { terminal, signal } = context;
  const queue = await context.openQueue();
  const total = await queue.count(matching.filter);
  const isNone = total.isExact && total.count === 0;
  if (flags["dry-run"]) {
    if (flags.json) terminal.printJson({ dryRun: true, ...total });
    else terminal.print(isNone ? none : dryRunText(describe(matching, total)));
    return EXIT_CODES.OK;
  }
  const mustAsk = !isNone && (isDestructive || total.count > 1 || !total.isExact);
  if (mustAsk) {
    const line = lineOf(matching, { yes: true, cursor: flags.cursor });
    const isSure = await confirm(context, { what: describe(matching, total), yes: flags.yes, line });
    if (!isSure) return EXIT_CODES.FAILED;
  }
  const { changed, matched } = await runSteps(matching, context, total);
  signal.throwIfAborted();
  if (flags.json) terminal.printJson({ changed, matched, complete: true });
  else if (matched === 0) terminal.inform(none);
  else {
    const others = matched - changed;
    const rest = others > 0 ? ` ${formatCount(others)} had changed by themselves.` : "";
    terminal.print(`${participle} ${jobsText({ count: changed, isExact: true })}.${rest}`);
  }
  return EXIT_CODES.OK;
}

interface Done {
  readonly changed: number;
  readonly matched: number;
}

async function runSteps(matching: Matching, context: CommandContext, total: ProgressTotal): Promise<Done> {
  const { terminal, signal } = context;
  const { flags, participle } = matching;
  const progress = new Progress(terminal, participle, total);
  let done: Done = { changed: 0, matched: 0 };
  let cursor = flags.cursor;
  try {
    do {
      const step = await matching.step(cursor);
      done = { changed: done.changed + step.changed, matched: done.matched + step.matched };
      cursor = step.cursor;
      progress.update(done.changed, done.matched);
    } while (cursor !== undefined && !signal.aborted);
  } catch (error) {
    progress.end();
    if (cursor === flags.cursor) throw usageOfCursor(error, cursor);
    // A refusal changes nothing; a step without an answer may have been done.
    const isUncertain = isQueueError(error, "ENGINE_UNAVAILABLE");
    tellStopped(matching, context, { ...done, cursor, total, isUncertain });
    throw error;
  }
  progress.end();
  if (cursor !== undefined) tellStopped(matching, context, { ...done, cursor, total });
  return done;
}

/** How far it came, and how to go on. */
function tellStopped(
  matching: Matching,
  { terminal }: CommandContext,
  {
    changed,
    matched,
    cursor,
    total,
    isUncertain = false,
  }: Done & {
    readonly cursor: string | undefined;
    readonly total: ProgressTotal;
    readonly isUncertain?: boolean;
  },
): void {
  const { flags, participle } = matching;
  const line = lineOf(matching, { yes: flags.yes, cursor });
  if (flags.json) {
    const uncertain = isUncertain && { lastStepUnknown: true };
    terminal.printJson({ changed, matched, complete: false, ...uncertain, cursor, next: line });
    return;
  }
  const of = total.isExact ? ` of ${countText(total)}` : "";
  const lost = isUncertain
    ? " The step after them got no answer: it may have been done, and is repeated for the jobs that match again."
    : "";
  terminal.inform(
    `Stopped. ${participle} ${formatCount(changed)}${of} jobs.${lost} To go on with the others:\n  ${line}`,
  );
}

function describe({ verb, flags }: Matching, total: ProgressTotal): string {
  // Jobs that were changed before and match again are counted, but not changed.
  const atMost = flags.cursor !== undefined && total.isExact ? "up to " : "";
  return `${verb} ${atMost}${jobsText(total)}`;
}

function lineOf(
  { line, flags }: Matching,
  { yes, cursor }: { readonly yes: boolean | undefined; readonly cursor: string | undefined },
): string {
  const { config, json } = flags;
  return shellLine(line.name, line.args ?? [], { ...line.flags, config, json, yes, cursor });
}
