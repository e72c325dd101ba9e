import { QueueError } from "../errors/queue-error.ts";

/** What each call on a closed engine is refused with. */
export function engineClosed(engine: string): QueueError {
  return new QueueError(
    "CLOSED",
    `The ${engine} engine is closed. It closes with the last open queue that uses it: create queues that share it ` +
      "with `closeEngine: false`, or create a new engine.",
  );
}
