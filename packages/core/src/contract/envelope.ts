import * as z from "zod/mini";
import { QueueError } from "../errors/queue-error.ts";
import { assertWithinLimits, parseJson } from "./limits.ts";
import { ID_PATTERN, NAME_PATTERN } from "./names.ts";
import { checkOptions } from "./options.ts";
import { formatIssues } from "./schema.ts";

/** What goes over the wire. */
export interface Envelope<Data = unknown> {
  readonly id: string;
  readonly messageType: string;
  readonly version: number;
  /** ISO 8601 with offset, the producer's clock. */
  readonly timestamp: string;
  readonly userId?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** The wire side of the message's data. Absent when the data is undefined. */
  readonly data: Data;
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** The envelope as engines store it: flat, with `data` and `metadata` as JSON text. */
export interface WireEnvelope {
  readonly id: string;
  readonly messageType: string;
  readonly version: number;
  /** ISO 8601, the producer's clock. Informational: engines order by their own clock. */
  readonly timestamp: string;
  /** JSON text, or `""` when the data is undefined. */
  readonly data: string;
  readonly userId?: string;
  readonly metadata?: string;
  readonly traceparent?: string;
}

/** Upper bound of an envelope's own fields, without data and metadata. */
const FRAME_BYTES = 4_096;

const envelopeSchema = z.strictObject({
  id: z.string().check(z.regex(ID_PATTERN, `expected an id like ${ID_PATTERN.source}`)),
  messageType: z.string().check(z.regex(NAME_PATTERN, `expected a name like ${NAME_PATTERN.source}`)),
  version: z.int().check(z.minimum(1), z.maximum(1_000_000)),
  timestamp: z.iso.datetime({ offset: true, error: "expected an ISO 8601 time" }),
  userId: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  metadata: z.optional(z.record(z.string(), z.unknown())),
  data: z.optional(z.unknown()),
  traceparent: z.optional(z.string().check(z.maxLength(256))),
});

/**
 * Parses an envelope's JSON text from outside. Checks the data's size, depth and keys, but not its message's schema.
 *
 * @throws {QueueError} `INVALID_DATA` or `PAYLOAD_TOO_LARGE`.
 */
export function parseEnvelope(
  text: string,
  limits: { readonly data: number; readonly metadata: number },
): Envelope {
  const value = parseJson("envelope", text, limits.data + limits.metadata + FRAME_BYTES);
  const parsed = checkOptions(envelopeSchema, value);
  if (!parsed.ok) {
    const { issues } = parsed;
    throw new QueueError("INVALID_DATA", `The envelope is invalid: ${formatIssues(issues)}`, { issues });
  }
  assertWithinLimits("data", parsed.value.data, limits.data);
  if (parsed.value.metadata) assertWithinLimits("metadata", parsed.value.metadata, limits.metadata);
  return parsed.value as Envelope;
}
