import type { TerminalState } from "../../engine/state-machine.ts";
import { QueueError } from "../../errors/queue-error.ts";

/** The error for an id that the engine knows nothing of. */
export function notFound(id: string): QueueError {
  return new QueueError(
    "JOB_NOT_FOUND",
    `No job with the id ${id} is stored, and no ending of one is remembered: it never was, or it ended long ago. ` +
      "Check the id and the namespace.",
  );
}

/** Why a job of which only its ending is remembered is gone, and what to do. */
export function whyGone(state: TerminalState): string {
  const policy = state === "completed" ? "completed" : "failed";
  return (
    "It is no longer stored: its retention was over, or `remove`, `clean`, `drain` or `obliterate` removed it. " +
    `Retention is its message's \`retain.${policy}\`.`
  );
}

/** A job that is removed before it has ended is remembered as cancelled. */
export function endingText(state: TerminalState): string {
  return { completed: "completed", failed: "failed", cancelled: "was cancelled, or removed before it ended" }[
    state
  ];
}

/** What may be the case with a job that was sent in a transaction, when the engine knows nothing of it. */
export const NOT_MOVED =
  "The engine doesn't know this job: its transaction hasn't committed, was rolled back, or the relay hasn't moved it yet.";

/** The error for a job that was sent in a transaction and didn't reach the engine within `arrivalTimeout` milliseconds. */
export function notMoved(id: string, arrivalTimeout: number): QueueError {
  return new QueueError(
    "JOB_NOT_FOUND",
    `The job ${id} didn't reach the engine within ${arrivalTimeout / 1_000} s. ${NOT_MOVED} ` +
      "If the transaction was committed, check that a relay runs, and its log; then wait again.",
  );
}
