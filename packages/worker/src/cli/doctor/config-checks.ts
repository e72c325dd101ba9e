import type { Finding, Queue } from "@org/queue";
import type { LoadedConfig } from "../../config/load-config.ts";
import { checkHandlers, handledNames, openDefinitions } from "../../config/open-config.ts";
import { ok, warning } from "./report.ts";

/** The handlers of a config whose queue is open. */
export async function checkDefinitions(loaded: LoadedConfig, queue: Queue): Promise<readonly Finding[]> {
  const definitions = await openDefinitions(loaded);
  checkHandlers(loaded.path, queue, definitions);
  const handled = handledNames(definitions);
  const { messages } = queue.registry;
  if (messages.length === 0) {
    return [warning("handlers", "The registry has no messages.", "Pass messages to createRegistry.")];
  }
  const others = messages.filter(({ name }) => !handled.includes(name)).map(({ name }) => name);
  const count = `${handled.length} of ${messages.length} ${messages.length === 1 ? "message" : "messages"}`;
  if (others.length === 0) return [ok("handlers", `They handle ${count}.`)];
  if (handled.length === 0) {
    const remedy = "Nothing, if this app only sends. Otherwise give the config its handlers.";
    return [warning("handlers", "The config has none: it can't run workers.", remedy)];
  }
  return [ok("handlers", `They handle ${count}. Jobs of ${shorten(others)} wait for another app's workers.`)];
}

const MAX_NAMED = 8;

/** Names, not more than a reader takes in. */
export function shorten(names: readonly string[]): string {
  const others = names.length - MAX_NAMED;
  return others > 0 ? `${names.slice(0, MAX_NAMED).join(", ")} and ${others} more` : names.join(", ");
}
