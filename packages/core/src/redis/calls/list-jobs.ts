import type { JobCount, JobPage, ListedJobs, ListFields, ListRequest } from "../../engine/inspect.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import { readListCursor } from "../../engine/list-cursor.ts";
import { isTerminal, JOB_STATES, type JobState, TERMINAL_STATES } from "../../engine/state-machine.ts";
import { jobRecords, jobSummaries, type StoredParts, type SummaryParts } from "../codec/job-record.ts";
import type { RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";

/** Jobs that one call of `list` looks at, if no index leads to those that the filter selects. */
const MAX_LOOKED_AT = 10_000;
/** Jobs that one script looks at: five milliseconds, with one command for each. */
const MAX_LOOKED_AT_PER_STEP = 500;

/** Jobs that a walk over the held jobs finds beyond those of the page: so many of these may end meanwhile. */
const SPARE_JOBS = 500;

type Reply = readonly [
  last: number,
  looked: number,
  ids: readonly string[],
  ...parts: (StoredParts | null)[],
];

/** One page of a list. Goes on from script to script until it is full, or enough jobs were looked at. */
export async function listJobs<F extends ListFields>(
  store: RedisStore,
  { filter = {}, fields, limit, cursor }: ListRequest<F>,
): Promise<JobPage<ListedJobs[F]>> {
  const request = toScript(filter);
  const jobs: ListedJobs[F][] = [];
  let before = cursor === undefined ? Number.MAX_SAFE_INTEGER : readListCursor(cursor);
  for (let left = MAX_LOOKED_AT; ; ) {
    const wanted = limit - jobs.length;
    const window = request.selects ? Math.max(wanted, MAX_LOOKED_AT_PER_STEP) : wanted;
    const step = { ...request.json, fields, limit: wanted, window, before };
    const [last, looked, ids, ...parts] = await runStep(store, step);
    const some =
      fields === "full"
        ? await jobRecords(ids, parts, store.profiles)
        : await jobSummaries(ids, parts as readonly (SummaryParts | null)[], store.profiles);
    jobs.push(...(some.filter((job) => job !== null) as ListedJobs[F][]));
    left -= looked;
    const complete = last === 0 || ids.length === wanted;
    if (complete || left <= 0) return { jobs, ...(last > 0 && { cursor: String(last) }), complete };
    before = last;
  }
}

/** Counts what `listJobs` would find. */
export async function countJobs(store: RedisStore, filter: JobFilter): Promise<JobCount> {
  const request = toScript(filter);
  let count = 0;
  let before = Number.MAX_SAFE_INTEGER;
  for (let left = MAX_LOOKED_AT; ; ) {
    const window = Math.min(left, MAX_LOOKED_AT_PER_STEP);
    const step = { ...request.json, fields: "count", limit: window, window, before };
    const [last, looked, some] = (await runStep(store, step)) as unknown as readonly [number, number, number];
    count += some;
    left -= looked;
    if (last === 0 || left <= 0) return { count, isExact: last === 0 };
    before = last;
  }
}

interface ScriptRequest {
  readonly states: readonly string[];
  readonly queues: readonly string[];
  readonly [condition: string]: unknown;
}

/** What `lua/list.lua` takes, and whether jobs have to be looked at one by one. */
function toScript(filter: JobFilter): { readonly json: ScriptRequest; readonly selects: boolean } {
  const { queues = [], messages, userId, orderingKey, failureGroup, search } = filter;
  const { sentFrom, sentTo, finishedFrom, finishedTo } = filter;
  const sent = boundsOf(sentFrom, sentTo);
  const finished = boundsOf(finishedFrom, finishedTo);
  const possible: readonly JobState[] = finished ? TERMINAL_STATES : JOB_STATES;
  const states = [...new Set(filter.states ?? possible)].filter((state) => possible.includes(state));
  const isUnfinished = !states.some((state) => isTerminal(state));
  const json = {
    states: filter.queues?.length === 0 ? [] : states,
    queues: [...new Set(queues)],
    ...(messages && { messages }),
    ...(userId !== undefined && { user: userId }),
    ...(orderingKey !== undefined && { key: orderingKey, is_unfinished: isUnfinished }),
    ...(failureGroup !== undefined && { group: failureGroup }),
    ...(search && { search }),
    ...(sent && { sent }),
    ...(finished && { finished }),
  };
  const conditions = [messages, userId, orderingKey, failureGroup, search, sent, finished];
  return { json, selects: conditions.some((given) => given !== undefined) };
}

/** From inclusive, to exclusive. JSON has no infinity. */
function boundsOf(from: number | undefined, to: number | undefined): readonly number[] | undefined {
  if (from === undefined && to === undefined) return undefined;
  return [from ?? 0, to ?? Number.MAX_SAFE_INTEGER];
}

type ManyReply = readonly ["many", cursor: string, from: number, idsAndSequences: readonly string[]];

async function runStep(store: RedisStore, request: StepRequest): Promise<Reply> {
  const run = async (more: object) =>
    (await store.run(scripts.list, [JSON.stringify({ ...request, ...more })])) as Reply | ManyReply;
  const reply = await run({});
  if (!isMany(reply)) return reply;
  // No call may take the server long, so it reads all held jobs page by page.
  const newest = new NewestJobs(request.window + SPARE_JOBS);
  for (let page = reply; ; ) {
    const [, scan, from, idsAndSequences] = page;
    newest.add(idsAndSequences, from);
    if (scan === "0") return (await run({ active: newest.ids, active_from: newest.from })) as Reply;
    page = (await run({ scan })) as ManyReply;
  }
}

function isMany(reply: Reply | ManyReply): reply is ManyReply {
  return reply[0] === "many";
}

/** The newest jobs of several pages. */
class NewestJobs {
  readonly #max: number;
  /** Sequences by id: a job may be on two pages. */
  #sequences = new Map<string, number>();
  /** The sequence down to which all jobs are known. */
  from = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get ids(): readonly string[] {
    return [...this.#sequences.keys()];
  }

  /** Adds the jobs of a page that has all of them down to `from`. */
  add(idsAndSequences: readonly string[], from: number): void {
    this.from = Math.max(this.from, from);
    for (let index = 0; index < idsAndSequences.length; index += 2)
      this.#sequences.set(idsAndSequences[index]!, Number(idsAndSequences[index + 1]));
    const sorted = [...this.#sequences].sort(([, a], [, b]) => b - a);
    if (sorted.length > this.#max) this.from = Math.max(this.from, sorted[this.#max - 1]![1]);
    this.#sequences = new Map(sorted.filter(([, sequence]) => sequence >= this.from));
  }
}

interface StepRequest extends ScriptRequest {
  readonly before: number;
  readonly window: number;
}
