import { QueueError } from "../../errors/queue-error.ts";
import { findServerProblems } from "../codec/server-problems.ts";
import { unavailable } from "./connection-errors.ts";

/**
 * Checks by the answer to `INFO` whether a server may be used.
 *
 * @throws {QueueError} `ENGINE_MISCONFIGURED`; `ENGINE_UNAVAILABLE` while it starts or is a replica.
 */
export function checkServer(
  info: string,
  { address, allowEviction }: { readonly address: string; readonly allowEviction: boolean },
): void {
  const [problem] = findServerProblems(info, { allowEviction });
  if (problem === undefined) return;
  const { what, remedy } = problem;
  if (remedy === undefined) throw unavailable(address, what);
  throw new QueueError("ENGINE_MISCONFIGURED", `Redis at ${address} can't be used: ${what}. ${remedy}`);
}
