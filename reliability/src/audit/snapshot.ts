import { isTerminal } from "@org/queue";
import type { CompleteEngine, JobEdges, JobRecord } from "@org/queue/engine";
import type { HistoryEntry } from "@org/queue/testing";

type Snapshot = Extract<HistoryEntry, { readonly type: "snapshot" }>;

/** Everything that is stored, once nothing runs any more. */
export async function takeSnapshot(engine: CompleteEngine, eventsAreComplete: boolean): Promise<Snapshot> {
  const jobs: JobRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await engine.inspect.list({
      fields: "full",
      limit: 1_000,
      ...(cursor !== undefined && { cursor }),
    });
    jobs.push(...page.jobs);
    cursor = page.cursor;
  } while (cursor !== undefined);
  const edges: Record<string, JobEdges> = {};
  const unfinished = jobs.filter(({ state }) => !isTerminal(state));
  const found = await engine.inspect.edges(unfinished.map(({ id }) => ({ id })));
  for (const [index, { id }] of unfinished.entries()) if (found[index]) edges[id] = found[index];
  return {
    type: "snapshot",
    jobs,
    counts: await engine.queues.counts(),
    edges,
    eventsAreComplete,
    isDrained: true,
  };
}
