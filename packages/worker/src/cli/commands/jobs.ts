import {
  formatJobQuery,
  type JobFilterOptions,
  type JobSummarySnapshot,
  type Queue,
  toWire,
} from "@org/queue";
import { CommandError, EXIT_CODES } from "../../exit-codes.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../context.ts";
import { wholeNumber } from "../flags.ts";
import { formatAgo, formatCount } from "../output/figures.ts";
import { latestTime, paintState } from "../output/states.ts";
import { Table } from "../output/table.ts";
import { jsonText } from "../output/text.ts";
import { noneText, QUERY_HELP, readQuery, usageOfCursor } from "../query.ts";
import { shellLine } from "../shell-line.ts";
import type { Terminal } from "../terminal.ts";

const DEFAULT_LIMIT = 50;
const PAGE = 500;
const MAX_LIMIT = 100_000;

export const jobsCommand = defineCommand({
  name: "jobs",
  summary: "lists the jobs that a query selects, newest first",
  description: QUERY_HELP,
  arguments: [
    {
      name: "QUERY",
      description: "conditions such as state:failed message:NAME",
      required: false,
      rest: true,
    },
  ],
  flags: {
    limit: { type: "string", short: "n", value: "N", description: `at most this many (${DEFAULT_LIMIT})` },
    cursor: { type: "string", value: "CURSOR", description: "go on after an earlier page of the same query" },
    all: { type: "boolean", short: "a", description: "all of them, page by page" },
    ids: { type: "boolean", description: "print only ids, one a line" },
  },
  examples: [
    ["queue jobs state:failed message:EMAIL", "failed jobs of one message"],
    ["queue jobs 'state:failed finished:<1h' --json", "what failed in the last hour, as JSON"],
    ["queue jobs user:u1 sent:2026-11-29", "a user's jobs of one day"],
    ["queue jobs state:queued queue:mail --ids --all | wc -l", "count what waits"],
  ],
  async run({ args, flags }, context) {
    if (flags.all && (flags.limit !== undefined || flags.cursor !== undefined)) {
      throw new CommandError("--all lists all jobs: leave out --limit and --cursor.", EXIT_CODES.USAGE);
    }
    const limit = wholeNumber("limit", flags.limit, { min: 1, max: MAX_LIMIT });
    const queue = await context.openQueue();
    const filter = await readQuery(args, queue);
    const wanted = flags.all ? Number.POSITIVE_INFINITY : (limit ?? DEFAULT_LIMIT);
    const pages = readPages(queue, filter, { wanted, cursor: flags.cursor, signal: context.signal });
    if (flags.all) return printAll(pages, context, flags, noneText(queue, filter));

    const jobs: JobSummarySnapshot[] = [];
    let cursor: string | undefined;
    for await (const page of pages) {
      jobs.push(...page.jobs);
      cursor = page.cursor;
    }
    if (flags.ids) for (const { id } of jobs) context.terminal.print(id);
    else if (flags.json) context.terminal.printJson(jobs.map((job) => toWire(job)));
    else if (jobs.length > 0) jobTable(context.terminal).print(jobs);
    if (cursor !== undefined) {
      const { ids, json, config } = flags;
      tellRest(context, { filter, limit, cursor, flags: { ids, json, config } });
    } else if (jobs.length === 0) context.terminal.inform(noneText(queue, filter));
    return EXIT_CODES.OK;
  },
});

interface JobFlags {
  readonly json?: boolean | undefined;
  readonly ids?: boolean | undefined;
  readonly config?: string | undefined;
}

interface Page {
  readonly jobs: readonly JobSummarySnapshot[];
  readonly cursor?: string;
}

/** Pages until there are as many jobs as wanted. A page may be short, and even empty, with more behind it. */
async function* readPages(
  queue: Queue,
  filter: JobFilterOptions,
  {
    wanted,
    cursor: first,
    signal,
  }: { readonly wanted: number; readonly cursor: string | undefined; readonly signal: AbortSignal },
): AsyncGenerator<Page> {
  let left = wanted;
  let cursor = first;
  do {
    const page = await queue
      .list({ ...filter, fields: "summary", limit: Math.min(left, PAGE), cursor })
      .catch((error: unknown) => {
        throw usageOfCursor(error, first);
      });
    left -= page.jobs.length;
    cursor = page.cursor;
    yield page;
  } while (cursor !== undefined && left > 0 && !signal.aborted);
}

/** Prints each page as it comes: JSON is one job a line. */
async function printAll(
  pages: AsyncIterable<Page>,
  { terminal, signal }: CommandContext,
  { json, ids }: JobFlags,
  none: string,
): Promise<number> {
  const table = jobTable(terminal);
  let shown = 0;
  for await (const { jobs } of pages) {
    shown += jobs.length;
    if (ids) for (const { id } of jobs) terminal.print(id);
    else if (json) for (const job of jobs) terminal.print(jsonText(toWire(job)));
    else if (jobs.length > 0) table.print(jobs);
  }
  if (shown === 0 && !signal.aborted) terminal.inform(none);
  if (signal.aborted) terminal.inform(`Stopped after ${formatCount(shown)} jobs.`);
  signal.throwIfAborted();
  return EXIT_CODES.OK;
}

interface Rest {
  readonly filter: JobFilterOptions;
  readonly limit: number | undefined;
  readonly cursor: string;
  readonly flags: JobFlags;
}

function tellRest({ terminal, signal }: CommandContext, { filter, limit, cursor, flags }: Rest): void {
  const query = formatJobQuery(filter);
  const line = shellLine("jobs", query === "" ? [] : [query], { limit: limit?.toString(), ...flags, cursor });
  const stopped = signal.aborted ? "Stopped. " : "";
  terminal.inform(`${stopped}There may be more: --all lists all. Next page:\n  ${line}`);
}

/** A handler's own error says more than its code. */
function errorOf({ error, state }: JobSummarySnapshot): string | undefined {
  if (!error || state === "completed") return undefined;
  return error.code === "HANDLER_FAILED" ? error.message : `${error.code}: ${error.message}`;
}

/** Jobs for people. */
function jobTable(terminal: Terminal): Table<JobSummarySnapshot> {
  const { colors } = terminal;
  const now = Date.now();
  return new Table<JobSummarySnapshot>(terminal, [
    { title: "ID", text: ({ id }) => id, cut: "middle", min: 24 },
    { title: "MESSAGE", text: ({ messageType }) => messageType, cut: "middle", min: 16, paint: colors.bold },
    {
      title: "STATE",
      text: ({ state, cancelRequested }) => (state === "active" && cancelRequested ? "stopping" : state),
      paint: (text, { state }) => paintState(colors, state, text),
    },
    {
      title: "TRY",
      align: "right",
      optional: 2,
      text: ({ attempt, maxAttempts }) => `${attempt}/${maxAttempts}`,
    },
    { title: "WHEN", align: "right", text: (job) => formatAgo(latestTime(job), now) },
    { title: "QUEUE", text: ({ queue }) => queue, cut: "end", optional: 4 },
    { title: "USER", text: ({ userId }) => userId, cut: "middle", optional: 3 },
    { title: "KEY", text: ({ orderingKey }) => orderingKey, cut: "middle", optional: 5 },
    {
      title: "ERROR",
      text: errorOf,
      cut: "end",
      min: 12,
      optional: 1,
      paint: colors.dim,
    },
  ]);
}
