import { closestName } from "../contract/closest-name.ts";
import type { Message } from "../contract/message.ts";
import type { Registry } from "../contract/registry.ts";
import { describeValue, describeWithoutText } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";

/**
 * The registry's message of a name.
 *
 * @throws {QueueError} `UNKNOWN_MESSAGE`, or `INVALID_OPTIONS` for what can't be a name.
 */
export function messageNamed(what: string, registry: Registry, name: string): Message {
  if (typeof name !== "string") {
    throw new QueueError(
      "INVALID_OPTIONS",
      `${what}: expected a message's name, got ${describeWithoutText(name)}.`,
    );
  }
  const known = registry.get(name);
  if (known) return known;
  const close = closestName(
    name,
    registry.messages.map((message) => message.name),
  );
  throw new QueueError(
    "UNKNOWN_MESSAGE",
    `The message ${describeValue(name)} isn't in this queue's registry. ` +
      (close ? `Did you mean ${close}?` : "Add it to createRegistry."),
  );
}

/**
 * The registry's own message of that name. Bundlers load a module more than once in a process, so the
 * name decides and not the object.
 *
 * @throws {QueueError} `UNKNOWN_MESSAGE`, or `INVALID_OPTIONS` for what can't be a message.
 */
export function knownMessage(what: string, registry: Registry, message: Message): Message {
  if (typeof message !== "object" || message === null) {
    const got = describeWithoutText(message);
    throw new QueueError("INVALID_OPTIONS", `${what}: expected a message (defineMessage), got ${got}.`);
  }
  const known = registry.get(message.name);
  if (known) return known;
  throw new QueueError(
    "UNKNOWN_MESSAGE",
    `The message ${JSON.stringify(message.name)} isn't in this queue's registry. Add it to createRegistry.`,
  );
}
