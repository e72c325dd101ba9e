import { openSync, writeSync } from "node:fs";
import type { AttemptOutcome, ClaimedJob, NewJob } from "@org/queue/engine";
import type { EngineObserver } from "../history/observe-engine.ts";
import { monotonic } from "../monotonic.ts";

/*
 * A history for millions of jobs: one line of text per call to the engine. `<at>` is on the shared clock.
 *
 *   S <at> <id>[|<key>][><dependency><policy>,…] …    sending; a policy is c(ancel), r(un) or h(old)
 *   A <id> …                                          acknowledged
 *   X <id> …                                          cancelling
 *   C <at> <id>:<epoch>[:r] …                         claimed, or reserved behind the one before
 *   E <at> <id>:<epoch>:<outcome> …                   settling; an outcome is c(omplete), f(ail), r(etry), x (cancel)
 *   V <id>:<epoch>:<outcome> …                        accepted
 *   L <number>                                        number of stale verdicts
 *
 * A line ends with a semicolon, so that a line cut short by a kill can be detected.
 */
const OUTCOME_LETTERS = {
  complete: "c",
  fail: "f",
  retry: "r",
  cancel: "x",
} as const satisfies Record<AttemptOutcome["type"], string>;

/** Records a process's calls to its engine and the replies. Lines are written synchronously. */
export function ledgerObserver(path: string): EngineObserver {
  const descriptor = openSync(path, "a");
  const write = (line: string) => writeSync(descriptor, `${line} ;\n`);
  const now = () => monotonic().toFixed(2);
  return {
    sending(batches) {
      write(`S ${now()} ${batches.flatMap(({ jobs }) => jobs.map(entryOf)).join(" ")}`);
    },
    sent(_batches, outcomes) {
      const ids = outcomes.flatMap((outcome) => (outcome.ok ? outcome.jobs.map(({ id }) => id) : []));
      if (ids.length > 0) write(`A ${ids.join(" ")}`);
    },
    operating(_operation, ids) {
      write(`X ${ids.join(" ")}`);
    },
    claimed(jobs) {
      write(`C ${now()} ${jobs.map(claimOf).join(" ")}`);
    },
    settling(outcomes) {
      write(`E ${now()} ${outcomes.map(outcomeOf).join(" ")}`);
    },
    settled(outcomes, verdicts) {
      const accepted = outcomes.filter((_, index) => verdicts[index] === "accepted");
      if (accepted.length > 0) write(`V ${accepted.map(outcomeOf).join(" ")}`);
      if (accepted.length < outcomes.length) write(`L ${outcomes.length - accepted.length}`);
    },
  };
}

function entryOf({ envelope, ordering, dependsOn }: NewJob): string {
  const key = ordering ? `|${ordering.key}` : "";
  const edges = dependsOn.map(({ job, onFailure }) => `${job}${onFailure[0]}`);
  return `${envelope.id}${key}${edges.length > 0 ? `>${edges.join(",")}` : ""}`;
}

function claimOf({ id, epoch, follows }: ClaimedJob): string {
  return follows === undefined ? `${id}:${epoch}` : `${id}:${epoch}:r`;
}

function outcomeOf({ id, epoch, type }: AttemptOutcome): string {
  return `${id}:${epoch}:${OUTCOME_LETTERS[type]}`;
}
