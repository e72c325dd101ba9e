import { parseOptions } from "../../contract/options.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { requestSchema } from "./send-options.ts";
import type { SendRequest } from "./send-request.ts";

const FIELDS = Object.keys(requestSchema.shape) as (keyof typeof requestSchema.shape)[];

/**
 * What a send middleware has put in place of a request is checked as options are, so that an engine never gets what
 * would make it refuse a call with other sends in it.
 *
 * @throws {QueueError} `INVALID_OPTIONS`.
 */
export function assertValidChange(original: SendRequest | undefined, request: SendRequest): void {
  if (request === original) return;
  if (request?.message !== original?.message || request?.message === undefined) {
    throw new QueueError("INVALID_OPTIONS", "A send middleware must pass on each request's own `message`.", {
      issues: [{ path: "message", message: "isn't the request's own" }],
    });
  }
  if (FIELDS.some((field) => request[field] !== original?.[field])) {
    parseOptions("What a send middleware passed on", requestSchema, request);
  }
}
