import { earliestEnd, type JobTimes } from "./attempts.ts";

/**
 * Checks the order of jobs by what the processes recorded on their shared clock, without the engine's events and clock.
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
    // A dependency that was itself cancelled by a dependency ended without an outcome.
    if (end === undefined && onFailure === "run") continue;
    for (const { at: claim } of claims) {
      if (end === undefined)
        yield `${sent.envelope.id} ran, but its dependency ${id} never ended as required`;
      else if (claim < end) yield `${sent.envelope.id} was claimed ${end - claim} ms before ${id} had ended`;
    }
  }
}

function byOrderingKey(jobs: ReadonlyMap<string, JobTimes>): Iterable<readonly JobTimes[]> {
  const keyed = [...jobs.values()].filter(({ sent, claims }) => sent.ordering && claims.length > 0);
  return Map.groupBy(keyed, ({ sent }) => `${sent.queue} ${sent.ordering!.key}`).values();
}

/** Of two jobs of a key, the one sent first must end before the other is first claimed. */
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

/** A reserved job is claimed together with the one ahead, so compare the times of their handlers. */
function endedBefore(first: JobTimes, second: JobTimes): boolean {
  const end = earliestEnd(first);
  const claims = second.claims.filter(({ isReserved }) => !isReserved).map(({ at }) => at);
  if (end === undefined || end > Math.min(...claims)) return false;
  const [finished, started] = [acceptedTime(first, first.finished), acceptedTime(second, second.started)];
  return finished === undefined || started === undefined || finished <= started;
}

/** The time of the attempt whose ending was accepted. Other attempts may be stale. */
function acceptedTime({ accepted }: JobTimes, times: ReadonlyMap<number, number>): number | undefined {
  const known = [...accepted].map((epoch) => times.get(epoch)).filter((at) => at !== undefined);
  return known[0];
}
