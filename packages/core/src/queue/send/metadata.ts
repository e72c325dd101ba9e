import { findJsonLosses, isJsonValue, isSameValue } from "../../contract/json-fidelity.ts";
import { assertWithinLimits } from "../../contract/limits.ts";
import type { Message } from "../../contract/message.ts";
import { isWellFormed, NOT_WELL_FORMED } from "../../contract/names.ts";
import { toJson } from "../../contract/payload.ts";
import { formatIssues } from "../../contract/schema.ts";
import { type Issue, QueueError } from "../../errors/queue-error.ts";

/** How `JSON.stringify` writes half a surrogate pair, and what may be one. */
const MAY_BE_HALF = /\\ud[89a-f]/;

/**
 * Metadata as the JSON text that travels.
 *
 * @throws {QueueError} `INVALID_DATA` or `PAYLOAD_TOO_LARGE`.
 */
export function encodeMetadata(
  { name, limits }: Message,
  metadata: Readonly<Record<string, unknown>>,
): string {
  const what = `metadata of ${name}`;
  assertWithinLimits(what, metadata, limits.metadata);
  const json = toJson(what, metadata, limits.metadata, "INVALID_DATA");
  if (!isJsonValue(metadata)) {
    if (!isSameValue(JSON.parse(json), metadata)) throw invalid(what, findJsonLosses(metadata));
  }
  if (MAY_BE_HALF.test(json)) {
    const issue = findHalf(JSON.parse(json), "");
    if (issue) throw invalid(what, [issue]);
  }
  return json;
}

function findHalf(value: unknown, path: string): Issue | undefined {
  if (typeof value === "string") return isWellFormed(value) ? undefined : { path, message: NOT_WELL_FORMED };
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    if (!isWellFormed(key)) return { path, message: `a name in it: ${NOT_WELL_FORMED}` };
    const issue = findHalf(child, path === "" ? key : `${path}.${key}`);
    if (issue) return issue;
  }
  return undefined;
}

function invalid(what: string, found: readonly Issue[]): QueueError {
  const issues = found.map(({ path, message }) => ({
    path: path ? `metadata.${path}` : "metadata",
    message,
  }));
  return new QueueError("INVALID_DATA", `The ${what} is invalid: ${formatIssues(issues)}`, { issues });
}
