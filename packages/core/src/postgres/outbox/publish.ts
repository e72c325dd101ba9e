import type { EnqueueOutcome } from "../../engine/core.ts";
import type { Engine } from "../../engine/engine.ts";
import type { NewJob } from "../../engine/job.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";

/** A job that is being moved from the outbox to the engine. */
export interface OutboxEntry {
  readonly position: string;
  readonly job: NewJob;
  readonly ordering: string | null;
}

/** The result of a turn. An entry in neither list waits behind a refused one with its ordering key. */
export interface PublishResult<P extends OutboxEntry> {
  readonly stored: P[];
  readonly refused: { readonly entry: P; readonly error: string }[];
}

type Enqueue = (jobs: readonly NewJob[]) => Promise<readonly EnqueueOutcome[]>;

/** `behind`: not tried, because an earlier entry of its ordering key was refused. */
type EntryResult = "stored" | "behind" | { readonly error: string };

/**
 * Stores jobs in an engine independently, so that a refused job only holds back those of its own ordering key. Entries
 * must be in send order.
 *
 * @throws errors that concern the engine, not a job.
 */
export async function publish<P extends OutboxEntry>(
  engine: Engine,
  entries: readonly P[],
  withEngineTimeout: <T>(answer: Promise<T>) => Promise<T>,
): Promise<PublishResult<P>> {
  const enqueue: Enqueue = async (jobs) => {
    const outcomes = await withEngineTimeout(engine.core.enqueue(jobs.map((job) => ({ jobs: [job] }))));
    if (outcomes.length === jobs.length) return outcomes;
    throw new QueueError(
      "ENGINE_UNAVAILABLE",
      `The ${engine.name} engine returned fewer outcomes than jobs.`,
    );
  };
  const result: PublishResult<P> = { stored: [], refused: [] };
  const heldKeys = new Set<string | null>();
  let rest = entries;
  while (rest.length > 0) {
    const { wave, later } = nextWave(rest);
    for (const [index, entryResult] of (await enqueueWave(wave, enqueue)).entries()) {
      const entry = wave[index]!;
      if (entryResult === "stored") result.stored.push(entry);
      else heldKeys.add(entry.ordering);
      if (typeof entryResult === "object") result.refused.push({ entry, error: entryResult.error });
    }
    rest = later.filter(({ ordering }) => ordering === null || !heldKeys.has(ordering));
  }
  return result;
}

/**
 * Splits off the jobs for one call. Jobs that follow a job that may be refused, through their ordering key or a
 * dependency, are left for a later call.
 */
function nextWave<P extends OutboxEntry>(entries: readonly P[]): { wave: P[]; later: P[] } {
  const wave: P[] = [];
  const later: P[] = [];
  const uncertainKeys = new Set<string | null>();
  const laterIds = new Set<string>();
  for (const entry of entries) {
    const { ordering, job } = entry;
    const isLater =
      (ordering !== null && uncertainKeys.has(ordering)) ||
      (laterIds.size > 0 && job.dependsOn.some((dependency) => laterIds.has(dependency.job)));
    (isLater ? later : wave).push(entry);
    if (isLater) laterIds.add(job.envelope.id);
    if (isLater || job.dependsOn.length > 0) uncertainKeys.add(ordering);
  }
  return { wave, later };
}

async function enqueueWave(wave: readonly OutboxEntry[], enqueue: Enqueue): Promise<EntryResult[]> {
  try {
    return (await enqueue(wave.map(({ job }) => job))).map(toEntryResult);
  } catch (error) {
    if (isEngineFailure(error)) throw error;
    if (wave.length === 1) return [{ error: messageOf(error) }];
  }
  // The engine can't take some job. Enqueued one by one, only that job is left behind.
  const results: EntryResult[] = [];
  const heldKeys = new Set<string>();
  for (const entry of wave) {
    const { ordering } = entry;
    const isBehind = ordering !== null && heldKeys.has(ordering);
    const entryResult = isBehind ? "behind" : (await enqueueWave([entry], enqueue))[0]!;
    if (entryResult !== "stored" && ordering !== null) heldKeys.add(ordering);
    results.push(entryResult);
  }
  return results;
}

function toEntryResult(outcome: EnqueueOutcome): EntryResult {
  if (outcome.ok) return "stored";
  if (outcome.reason === "id-in-use") {
    return { error: `A job of the message ${outcome.messageType} has its id, ${outcome.id}.` };
  }
  return outcome.reason === "dependency-not-found"
    ? { error: `It depends on jobs that the engine doesn't know: ${outcome.missing.join(", ")}.` }
    : { error: `Its dependencies form a cycle: ${outcome.cycle.join(" → ")}.` };
}

function isEngineFailure(error: unknown): boolean {
  return (
    isQueueError(error) &&
    (error.retryable || error.code === "ENGINE_MISCONFIGURED" || error.code === "CLOSED")
  );
}
