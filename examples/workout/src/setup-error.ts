/** An invalid setting, named in the message. Reported without a stack, because the fix is outside the program. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** The reason as text. For a host with several addresses, Node throws an error without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
