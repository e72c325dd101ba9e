import type { Registry } from "../contract/registry.ts";
import type { Engine } from "../engine/engine.ts";
import { facetOf } from "../engine/facet.ts";
import { QueueError } from "../errors/queue-error.ts";

/** @throws {QueueError} `INVALID_OPTIONS` for a queue that neither the registry nor the engine knows. */
export async function assertKnownQueue(
  name: string,
  { registry, engine }: { readonly registry: Pick<Registry, "queues">; readonly engine: Engine },
): Promise<void> {
  if (registry.queues.includes(name)) return;
  // Other apps of the namespace may have queues that this registry doesn't know.
  const counts = await facetOf(engine, "queues").counts();
  if (counts.some(({ queue }) => queue === name)) return;
  const known = [...new Set([...registry.queues, ...counts.map(({ queue }) => queue)])].sort();
  throw new QueueError(
    "INVALID_OPTIONS",
    `There is no queue ${JSON.stringify(name)}. The queues are: ${known.join(", ")}.`,
  );
}
