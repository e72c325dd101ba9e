import { QueueError } from "../errors/queue-error.ts";

/** The error for an id that the engine knows nothing of. */
export function notFound(id: string): QueueError {
  return new QueueError(
    "JOB_NOT_FOUND",
    `No job with the id ${id} is stored, and no ending of one is remembered: it never was, or it ended long ago. ` +
      "Check the id and the namespace.",
  );
}
