/** A setting doesn't work, and the message names it. It is mended outside of the program: no stack helps. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** What went wrong, in words. Node reports a host with several addresses by an error without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
