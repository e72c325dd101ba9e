import type { JobRecord } from "@org/queue/engine";
import type { JobTimes } from "./attempts.ts";

/** Stored results come from the accepted attempt, not from a stale one. */
export function* resultProblems(
  records: readonly JobRecord[],
  jobs: ReadonlyMap<string, JobTimes>,
): Iterable<string> {
  for (const { id, state, result, epoch } of records) {
    const job = jobs.get(id);
    if (!job || state !== "completed") continue;
    const { fence } = JSON.parse(result ?? "{}") as { fence?: number };
    if (fence !== epoch) yield `${id} has the result of epoch ${fence}, but completed in epoch ${epoch}`;
    const known = [...job.accepted];
    if (known.length > 0 && !known.includes(fence!)) {
      yield `${id} has the result of epoch ${fence}, but the ending of epoch ${known} was accepted`;
    }
  }
}
