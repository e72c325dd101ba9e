import { QueueError } from "../../errors/queue-error.ts";
import { CallbackGuard, logFailure } from "../../logging/callback-guard.ts";
import { consoleLogger } from "../../logging/logger.ts";
import { withTypedErrors } from "../database.ts";
import type { ChangeListener } from "./listener.ts";

/** What a `PGlite` offers, as far as it is used. */
export interface PgliteClient {
  listen(channel: string, callback: (payload: string) => void): Promise<() => Promise<void>>;
}

/**
 * Listens on a PGlite. It lives in this process, so nothing is missed.
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
      // A PGlite that was closed meanwhile listens no more.
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
