import type { EnqueueOutcome } from "../../engine/core.ts";
import type { Engine } from "../../engine/engine.ts";
import type { NewJob } from "../../engine/job.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";

/** A job of the outbox on its way. */
export interface OutboxEntry {
  readonly position: string;
  readonly job: NewJob;
  readonly ordering: string | null;
}

/** What became of a turn's entries. One that is in neither list waits behind a refused one of its ordering key. */
export interface PublishResult<P extends OutboxEntry> {
  readonly stored: P[];
  readonly refused: { readonly entry: P; readonly error: string }[];
}

type Enqueue = (jobs: readonly NewJob[]) => Promise<readonly EnqueueOutcome[]>;

/** `behind`: not tried, since it follows one that was refused. */
type EntryResult = "stored" | "behind" | { readonly error: string };

/**
 * Stores jobs in an engine, each for itself, so that one that is refused keeps none back but those of its own ordering
 * key. The entries come in the order of their sends.
 *
 * @throws whatever says that the engine, and not a job, is the trouble.
 */
export async function publish<P extends OutboxEntry>(
  engine: Engine,
  entries: readonly P[],
  withEngineTimeout: <T>(answer: Promise<T>) => Promise<T>,
): Promise<PublishResult<P>> {
  const enqueue: Enqueue = async (jobs) => {
    const outcomes = await withEngineTimeout(engine.core.enqueue(jobs.map((job) => ({ jobs: [job] }))));
    if (outcomes.length === jobs.length) return outcomes;
    throw new QueueError("ENGINE_UNAVAILABLE", `The ${engine.name} engine didn't answer for every job.`);
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
 * The jobs for one call. What follows a job that may be refused, by their ordering key or by a dependency on one that
 * follows it, is for a later call.
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
  // There is some job that the engine can't take. One by one, only that one stays.
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
  return outcome.reason === "dependency-not-found"
    ? { error: `It depends on what the engine doesn't know: ${outcome.missing.join(", ")}.` }
    : { error: `It would wait for itself: ${outcome.cycle.join(" → ")}.` };
}

function isEngineFailure(error: unknown): boolean {
  return (
    isQueueError(error) &&
    (error.retryable || error.code === "ENGINE_MISCONFIGURED" || error.code === "CLOSED")
  );
}
