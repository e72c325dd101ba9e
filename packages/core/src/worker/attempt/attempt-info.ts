import { parseJson } from "../../contract/limits.ts";
import type { ClaimedJob } from "../../engine/core.ts";
import type { AttemptInfo } from "../../middleware/handler-context.ts";

/** What handlers and middleware see of a claimed job. Metadata of more than `metadataCap` bytes is left out. */
export function toAttemptInfo(job: ClaimedJob, metadataCap: number): AttemptInfo {
  const { envelope, orderingKey } = job;
  const { userId, traceparent } = envelope;
  const metadata = readMetadata(envelope.metadata, metadataCap);
  return {
    id: job.id,
    messageType: envelope.messageType,
    version: envelope.version,
    queue: job.queue,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    stalls: job.stalls,
    ...(userId !== undefined && { userId }),
    ...(metadata && { metadata }),
    ...(traceparent !== undefined && { traceparent }),
    ...(orderingKey !== undefined && { orderingKey }),
    sentAt: new Date(envelope.timestamp),
    createdAt: new Date(job.createdAt),
  };
}

/** Undefined when it can't be read: a foreign producer may have written anything. */
function readMetadata(json: string | undefined, cap: number): Readonly<Record<string, unknown>> | undefined {
  if (json === undefined) return undefined;
  try {
    return parseJson("metadata", json, cap) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
