import { QueueError } from "../../errors/queue-error.ts";

/**
 * Of the keys of a namespace and what they hold: see docs/redis-data-model.md. Raise it with a change that an engine of
 * the version before can't read, or that can't read what that one wrote.
 *
 * @public The scripts import it.
 */
export const LAYOUT = 1;

/** Whether a namespace can be used, by the number that it has. */
export function assertLayout(found: string, { prefix, address }: { prefix: string; address: string }): void {
  if (found === String(LAYOUT)) return;
  throw new QueueError(
    "ENGINE_MISCONFIGURED",
    `Redis at ${address} can't be used: another version of @org/queue wrote the keys that begin with ${prefix} ` +
      `(layout ${JSON.stringify(found.slice(0, 20))}, this version has ${LAYOUT}). Use that version, or another ` +
      "`namespace`; or delete these keys, with FLUSHDB if the database has no others, and lose their jobs.",
  );
}
