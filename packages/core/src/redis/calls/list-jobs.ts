import type { JobCount, JobPage, ListedJobs, ListFields, ListRequest } from "../../engine/inspect.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import { readListCursor } from "../../engine/list-cursor.ts";
import { isTerminal, JOB_STATES, type JobState, TERMINAL_STATES } from "../../engine/state-machine.ts";
import { jobRecords, jobSummaries, type StoredParts, type SummaryParts } from "../codec/job-record.ts";
import type { RedisStore } from "../redis-store.ts";
import { scripts } from "../scripts.ts";
import { newestActiveIds } from "./newest-active-ids.ts";

/** Jobs that one call of `list` looks at, if no index leads to those that the filter selects. */
const MAX_LOOKED_AT = 10_000;
/** Jobs that one script looks at: five milliseconds, with one command for each. */
const MAX_LOOKED_AT_PER_STEP = 500;

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

async function runStep(store: RedisStore, request: StepRequest): Promise<Reply> {
  const run = (active?: readonly string[]) =>
    store.run(scripts.list, [JSON.stringify({ ...request, ...(active && { active }) })]);
  const reply = (await run()) as Reply | readonly ["many", readonly string[]];
  if (reply[0] !== "many") return reply as Reply;
  // Jobs of the first reply may be active by now, and active ones no longer.
  const { before, window, queues } = request;
  const active = await newestActiveIds(store.connection, { before, limit: window + 1, queues });
  return (await run([...new Set([...active, ...reply[1]])])) as Reply;
}

interface StepRequest extends ScriptRequest {
  readonly before: number;
  readonly window: number;
}
