import { closestName } from "../contract/closest-name.ts";
import type { Message } from "../contract/message.ts";
import { NAME_PATTERN } from "../contract/names.ts";
import type { Registry } from "../contract/registry.ts";
import type { Engine } from "../engine/engine.ts";
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
  const close = closestInRegistry(registry, name);
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

/**
 * The name of a message to filter by, which may be another app's. Close to one of the registry, it is taken as misspelt,
 * unless a live worker handles it or a job of it is stored. A message object always means itself.
 *
 * @throws {QueueError} `UNKNOWN_MESSAGE` for a misspelt name, `INVALID_OPTIONS` for what can't be a message.
 */
export async function filteredMessage(
  what: string,
  { registry, engine }: { readonly registry: Registry; readonly engine: Engine },
  given: Message | string,
): Promise<string> {
  if (typeof given !== "string") {
    if (typeof given?.name === "string" && NAME_PATTERN.test(given.name)) return given.name;
    return knownMessage(what, registry, given).name;
  }
  if (registry.get(given)) return given;
  if (!NAME_PATTERN.test(given)) return messageNamed(what, registry, given).name;
  const close = closestInRegistry(registry, given);
  if (close === undefined || (await isInUse(engine, given))) return given;
  throw new QueueError(
    "UNKNOWN_MESSAGE",
    `${what}: the message ${describeValue(given)} isn't in this queue's registry, no live worker handles it, and no job ` +
      `of it was found. Did you mean ${close}?`,
  );
}

function closestInRegistry({ messages }: Registry, name: string): string | undefined {
  return closestName(
    name,
    messages.map((message) => message.name),
  );
}

/** Of the jobs, an engine without an index looks at the newest. */
async function isInUse({ workers, inspect }: Engine, name: string): Promise<boolean> {
  const live = (await workers?.list()) ?? [];
  if (live.some(({ handles }) => handles.some(({ message }) => message === name))) return true;
  const stored = await inspect?.count({ messages: [name] });
  return stored === undefined || stored.count > 0 || !stored.isExact;
}
