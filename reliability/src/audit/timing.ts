import { earliestEnd, type JobTimes } from "./attempts.ts";

/**
 * What the processes themselves saw, when they saw it: a check of order that needs neither the engine's events
 * nor its clock.
 */
export function* timingProblems(jobs: ReadonlyMap<string, JobTimes>): Iterable<string> {
  for (const job of jobs.values()) yield* dependencyProblems(job, jobs);
  for (const line of byOrderingKey(jobs)) yield* orderProblems(line);
}

function* dependencyProblems(
  { sent, claims }: JobTimes,
  jobs: ReadonlyMap<string, JobTimes>,
): Iterable<string> {
  for (const { job: id, onFailure } of sent.dependsOn) {
    const dependency = jobs.get(id);
    const end = dependency && earliestEnd(dependency, onFailure === "run" ? undefined : "complete");
    // One that was cancelled with its own dependency ended without anybody having settled it.
    if (end === undefined && onFailure === "run") continue;
    for (const { at: claim } of claims) {
      if (end === undefined) yield `${sent.envelope.id} ran, and its dependency ${id} never ended as it must`;
      else if (claim < end) yield `${sent.envelope.id} was claimed ${end - claim} ms before ${id} had ended`;
    }
  }
}

function byOrderingKey(jobs: ReadonlyMap<string, JobTimes>): Iterable<readonly JobTimes[]> {
  const keyed = [...jobs.values()].filter(({ sent, claims }) => sent.ordering && claims.length > 0);
  return Map.groupBy(keyed, ({ sent }) => `${sent.queue} ${sent.ordering!.key}`).values();
}

/** Of two jobs of a key one has ended before the other is first claimed: the one that was sent first. */
function* orderProblems(line: readonly JobTimes[]): Iterable<string> {
  for (let index = 1; index < line.length; index++) {
    const [first, second] = [line[index - 1]!, line[index]!];
    const isInOrder = endedBefore(first, second);
    const isKnownOrder = first.sender === second.sender;
    if (isInOrder || (!isKnownOrder && endedBefore(second, first))) continue;
    const [one, other] = [first.sent.envelope.id, second.sent.envelope.id];
    yield `${one} and ${other} share the key ${first.sent.ordering!.key} and ran out of turn`;
  }
}

/** A reserved job is claimed together with the one ahead of it, so it is its handler that has to come later. */
function endedBefore(first: JobTimes, second: JobTimes): boolean {
  const end = earliestEnd(first);
  const claims = second.claims.filter(({ isReserved }) => !isReserved).map(({ at }) => at);
  if (end === undefined || end > Math.min(...claims)) return false;
  const [finished, started] = [acceptedTime(first, first.finished), acceptedTime(second, second.started)];
  return finished === undefined || started === undefined || finished <= started;
}

/** Of the attempt whose ending was accepted: others may have been ghosts'. */
function acceptedTime({ accepted }: JobTimes, times: ReadonlyMap<number, number>): number | undefined {
  const known = [...accepted].map((epoch) => times.get(epoch)).filter((at) => at !== undefined);
  return known[0];
}
