import type { EnqueueOutcome } from "../../engine/core.ts";
import { DependencyNotFoundError, QueueError } from "../../errors/queue-error.ts";

/** How a batch's jobs are called in errors, by their id. */
export type Naming = (id: string) => string;

/** Why a batch wasn't stored, as the error that its sender gets. */
export function refusal(outcome: EnqueueOutcome & { readonly ok: false }, naming: Naming): QueueError {
  if (outcome.reason === "dependency-not-found") return new DependencyNotFoundError(outcome.missing);
  if (outcome.reason === "id-in-use") return idInUse(outcome.id, outcome.messageType);
  const { cycle } = outcome;
  const closed = cycle.length > 1 && cycle[0] === cycle.at(-1) ? cycle : [...cycle, ...cycle.slice(0, 1)];
  return new QueueError(
    "DEPENDENCY_CYCLE",
    `These jobs would wait for each other: ${closed.map(naming).join(" → ")}. Nothing was stored. ` +
      "An arrow is a dependency, or an earlier job of the same ordering key.",
  );
}

/** Also for two items of one call. */
export function idInUse(id: string, messageType: string): QueueError {
  return new QueueError(
    "ID_IN_USE",
    `A job of the message ${messageType} has the id ${id}. Nothing was stored. ` +
      "Put the message's name into the ids that you choose, for example.",
    { issues: [{ path: "id", message: `belongs to a job of ${messageType}` }] },
  );
}
