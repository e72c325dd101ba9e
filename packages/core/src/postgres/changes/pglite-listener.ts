import { QueueError } from "../../errors/queue-error.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import { consoleLogger } from "../../logging/logger.ts";
import { withTypedErrors } from "../database.ts";
import type { ChangeListener } from "./listener.ts";

/** The part of a `PGlite` that the listener uses. */
export interface PgliteClient {
  listen(channel: string, callback: (payload: string) => void): Promise<() => Promise<void>>;
}

/**
 * Listens on a PGlite. It runs in this process, so no notification is missed.
 *
 * @example
 * const client = new PGlite();
 * const db = drizzle(client);
 * const listener = pgliteListener(client);
 */
export function pgliteListener(client: PgliteClient): ChangeListener {
  const guard = new CallbackGuard(logFailure("A callback of a change listener", () => consoleLogger));
  const stops = new Set<() => Promise<void>>();
  let isClosed = false;
  return {
    async listen(channel, onMessage) {
      if (isClosed) throw new QueueError("CLOSED", "The listener is closed. Create a new one.");
      const unlisten = await withTypedErrors("The listener", () =>
        client.listen(channel, (payload) => guard.call(onMessage, payload)),
      );
      // `unlisten` fails if the PGlite was closed meanwhile.
      const stop = () => (stops.delete(stop) ? unlisten().catch(() => {}) : Promise.resolve());
      stops.add(stop);
      return stop;
    },
    async close() {
      isClosed = true;
      await Promise.all([...stops].map((stop) => stop()));
    },
  };
}
