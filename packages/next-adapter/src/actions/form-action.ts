import { QueueError, type Registry } from "@org/queue";
import { type JsonSchema, messageJsonSchema } from "@org/queue/json-schema";
import type { SentJob } from "../protocol/send-input.ts";
import type { ActionResult } from "./action-result.ts";
import { readFormData } from "./form-data.ts";
import type { FormAction } from "./queue-actions.ts";

/**
 * The action of a form: React calls it with the fields, or with a state and the fields.
 *
 * @throws {QueueError} `UNKNOWN_MESSAGE`; `INVALID_OPTIONS` for data whose schema can't be told as JSON Schema.
 */
export function formAction(
  registry: Registry,
  messageType: string,
  send: (data: unknown) => Promise<ActionResult<SentJob>>,
): FormAction {
  const message = registry.get(messageType);
  if (!message)
    throw new QueueError("UNKNOWN_MESSAGE", `form: ${messageType} isn't in this queue's registry.`);
  const schema: JsonSchema = messageJsonSchema(message).data;
  return async (...args: readonly unknown[]) => {
    const form = args.at(-1);
    return send(form instanceof FormData ? readFormData(form, schema) : undefined);
  };
}
