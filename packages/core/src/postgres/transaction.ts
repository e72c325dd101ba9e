import type { Database } from "./database.ts";
import { assertSafeCommits } from "./pooled-connection.ts";

/** The transaction that a Drizzle database passes to `db.transaction(async (tx) => …)`. */
export type TransactionOf<DB extends Database> = Parameters<Parameters<DB["transaction"]>[0]>[0];

/**
 * Runs work in a "read committed" transaction. A lost connection rejects, but never ends the process.
 *
 * When `postgres` (3.4.9) loses a connection, it rejects the transaction at once. Any later statement on it, even a
 * rollback, ends the process. So the callback never settles after a loss, and work that awaited something else checks
 * `isLost` before it continues. With `pg`, the next query fails.
 */
export async function inTransaction<DB extends Database, T>(
  db: DB,
  work: (tx: TransactionOf<DB>, isLost: () => boolean) => Promise<T>,
): Promise<T> {
  surviveLostConnections(db);
  await assertSafeCommits(db);
  let isLost = false;
  const outcome = db.transaction(
    async (tx): Promise<T> => {
      try {
        const result = await work(tx as TransactionOf<DB>, () => isLost);
        if (!isLost) return result;
      } catch (error) {
        // The rejection of a query comes before that of its transaction.
        await new Promise((resolve) => setTimeout(resolve));
        if (!isLost) throw error;
      }
      return new Promise(() => {});
    },
    { isolationLevel: "read committed" },
  );
  outcome.catch(() => {
    isLost = true;
  });
  return outcome;
}

/** The part of a `pg` pool that is used here. */
interface Pool {
  on(event: "error", listener: () => void): unknown;
  on(event: "acquire", listener: (client: PoolClient) => void): unknown;
  on(event: "release", listener: (error: unknown, client: PoolClient) => void): unknown;
}

interface PoolClient {
  on(event: "error", listener: (error: Error) => void): unknown;
  release(error?: Error): void;
}

const patchedPools = new WeakSet<object>();

/**
 * Keeps a lost connection from ending the process, and from occupying its slot in the pool forever.
 *
 * Besides rejecting queries, `pg` emits an `error` event. Nobody listens for it on a connection that a transaction has
 * checked out, and often not on the pool. If the connection is lost at `begin`, Drizzle (0.45) never releases it.
 */
export function surviveLostConnections(db: Database): void {
  const { $client: pool } = db as { readonly $client?: unknown };
  if (!isEmitter(pool) || patchedPools.has(pool)) return;
  patchedPools.add(pool);
  const checkedOut = new WeakSet<PoolClient>();
  pool.on("error", () => {});
  pool.on("release", (_, client) => checkedOut.delete(client));
  pool.on("acquire", (client) => {
    checkedOut.add(client);
    if (patchedPools.has(client)) return;
    patchedPools.add(client);
    client.on("error", (error) => {
      if (!checkedOut.has(client)) return;
      client.release(error);
      // The transaction may release it again.
      client.release = () => {};
    });
  });
}

function isEmitter(value: unknown): value is Pool {
  return typeof value === "object" && value !== null && typeof (value as Partial<Pool>).on === "function";
}
