import { closestName } from "../contract/closest-name.ts";
import type { Registry } from "../contract/registry.ts";
import type { Engine } from "../engine/engine.ts";
import { facetOf } from "../engine/facet.ts";
import { describeValue } from "../errors/describe-value.ts";
import { QueueError } from "../errors/queue-error.ts";

/** @throws {QueueError} `INVALID_OPTIONS` for a queue that neither the registry nor the engine knows. */
export async function assertKnownQueue(
  name: string,
  { registry, engine }: { readonly registry: Pick<Registry, "queues" | "get">; readonly engine: Engine },
): Promise<void> {
  if (typeof name !== "string") {
    throw new QueueError("INVALID_OPTIONS", `Expected a queue's name, got ${describeValue(name)}.`);
  }
  if (registry.queues.includes(name)) return;
  // Other apps of the namespace may have queues that this registry doesn't know.
  const counts = await facetOf(engine, "queues").counts();
  if (counts.some(({ queue }) => queue === name)) return;
  const known = [...new Set([...registry.queues, ...counts.map(({ queue }) => queue)])].sort();
  const message = registry.get(name);
  const close = closestName(name, known);
  const hint = message
    ? `${name} is a message of the queue ${message.queue}.`
    : close
      ? `Did you mean ${close}?`
      : `The queues are: ${known.join(", ")}.`;
  throw new QueueError("INVALID_OPTIONS", `There is no queue ${describeValue(name)}. ${hint}`);
}
