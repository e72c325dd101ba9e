import type { Message } from "../../contract/message.ts";
import type { Handler } from "../../middleware/handler-context.ts";

/** A message and its handler. */
export interface HandlerEntry {
  readonly message: Message;
  readonly handler: Handler;
}
