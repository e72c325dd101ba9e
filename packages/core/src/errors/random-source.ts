import { QueueError } from "./queue-error.ts";

/**
 * The runtime's `crypto`. Node 18 has no global one, and lacks other features that the library uses.
 *
 * @throws {QueueError} `UNSUPPORTED_RUNTIME`.
 */
export function randomSource(): typeof globalThis.crypto {
  const { crypto, process } = globalThis;
  if (crypto !== undefined) return crypto;
  const name = process?.version ? ` (Node ${process.version})` : "";
  throw new QueueError(
    "UNSUPPORTED_RUNTIME",
    `This runtime${name} has no \`crypto\`. Run the app on Node 20.9 or later.`,
  );
}
