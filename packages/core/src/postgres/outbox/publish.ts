import type { Engine, EnqueueOutcome, NewJob } from "../../engine/port.ts";
import { isQueueError, QueueError } from "../../errors/queue-error.ts";
import { messageOf } from "../../errors/thrown.ts";

/** A job of the outbox on its way. */
export interface OutboxEntry {
  readonly position: string;
  readonly job: NewJob;
  readonly ordering: string | null;
}

/** What became of a turn's parcels. One that is in neither list waits behind a refused one of its ordering key. */
export interface Delivery<P extends OutboxEntry> {
  readonly stored: P[];
  readonly refused: { readonly parcel: P; readonly error: string }[];
}

type Enqueue = (jobs: readonly NewJob[]) => Promise<readonly EnqueueOutcome[]>;

/** `behind`: not tried, since it follows one that was refused. */
type Verdict = "stored" | "behind" | { readonly error: string };

/**
 * Stores jobs in an engine, each for itself, so that one that is refused keeps none back but those of its own ordering
 * key. The parcels come in the order of their sends.
 *
 * @throws whatever says that the engine, and not a job, is the trouble.
 */
export async function publish<P extends OutboxEntry>(
  engine: Engine,
  parcels: readonly P[],
  within: <T>(answer: Promise<T>) => Promise<T>,
): Promise<Delivery<P>> {
  const enqueue: Enqueue = async (jobs) => {
    const outcomes = await within(engine.enqueue(jobs.map((job) => ({ jobs: [job] }))));
    if (outcomes.length === jobs.length) return outcomes;
    throw new QueueError("ENGINE_UNAVAILABLE", `The ${engine.name} engine didn't answer for every job.`);
  };
  const delivery: Delivery<P> = { stored: [], refused: [] };
  const held = new Set<string | null>();
  let rest = parcels;
  while (rest.length > 0) {
    const { wave, later } = nextWave(rest);
    for (const [index, verdict] of (await judge(wave, enqueue)).entries()) {
      const parcel = wave[index]!;
      if (verdict === "stored") delivery.stored.push(parcel);
      else held.add(parcel.ordering);
      if (typeof verdict === "object") delivery.refused.push({ parcel, error: verdict.error });
    }
    rest = later.filter(({ ordering }) => ordering === null || !held.has(ordering));
  }
  return delivery;
}

/**
 * The jobs for one call. What follows a job that may be refused, by their ordering key or by a dependency on one that
 * follows it, is for a later call.
 */
function nextWave<P extends OutboxEntry>(parcels: readonly P[]): { wave: P[]; later: P[] } {
  const wave: P[] = [];
  const later: P[] = [];
  const unsure = new Set<string | null>();
  const laterIds = new Set<string>();
  for (const parcel of parcels) {
    const { ordering, job } = parcel;
    const isLater =
      (ordering !== null && unsure.has(ordering)) ||
      (laterIds.size > 0 && job.dependsOn.some((dependency) => laterIds.has(dependency.job)));
    (isLater ? later : wave).push(parcel);
    if (isLater) laterIds.add(job.envelope.id);
    if (isLater || job.dependsOn.length > 0) unsure.add(ordering);
  }
  return { wave, later };
}

async function judge(wave: readonly OutboxEntry[], enqueue: Enqueue): Promise<Verdict[]> {
  try {
    return (await enqueue(wave.map(({ job }) => job))).map(verdictOf);
  } catch (error) {
    if (isAboutEngine(error)) throw error;
    if (wave.length === 1) return [{ error: messageOf(error) }];
  }
  // There is some job that the engine can't take. One by one, only that one stays.
  const verdicts: Verdict[] = [];
  const held = new Set<string>();
  for (const parcel of wave) {
    const { ordering } = parcel;
    const isBehind = ordering !== null && held.has(ordering);
    const verdict = isBehind ? "behind" : (await judge([parcel], enqueue))[0]!;
    if (verdict !== "stored" && ordering !== null) held.add(ordering);
    verdicts.push(verdict);
  }
  return verdicts;
}

function verdictOf(outcome: EnqueueOutcome): Verdict {
  if (outcome.ok) return "stored";
  return outcome.reason === "dependency-not-found"
    ? { error: `It depends on what the engine doesn't know: ${outcome.missing.join(", ")}.` }
    : { error: `It would wait for itself: ${outcome.cycle.join(" → ")}.` };
}

function isAboutEngine(error: unknown): boolean {
  return (
    isQueueError(error) &&
    (error.retryable || error.code === "ENGINE_MISCONFIGURED" || error.code === "CLOSED")
  );
}
