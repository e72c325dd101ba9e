import type { Database } from "./database.ts";
import { assertSafeCommits } from "./pooled-connection.ts";

/** The transaction that a database of Drizzle hands to `db.transaction(async (tx) => …)`. */
export type TransactionOf<DB extends Database> = Parameters<Parameters<DB["transaction"]>[0]>[0];

/**
 * Runs work in a transaction, in isolation "read committed", such that the loss of its connection is an error and no
 * more.
 *
 * When `postgres` loses a connection it rejects the transaction at once, and what is sent with it after that ends the
 * process (in version 3.4.9), a rollback included. So work that is given up then never ends here, and work that has
 * waited for something else looks at `isLost` before it goes on. `pg` leaves it to the next query to fail.
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
        // A query's failure is told before its connection's.
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

/** A pool of `pg`, as far as it is used. */
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
 * Keeps the loss of a connection from ending the process, and from taking its place in the pool for ever.
 *
 * Besides rejecting the queries, `pg` reports it by an `error` event, and nobody hears that of a connection that a
 * transaction has taken from the pool, nor that of the pool unless its owner has thought of it. And when it is lost at
 * the transaction's `begin`, Drizzle (0.45) never gives it back.
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
      // Whoever has it may give it back once more.
      client.release = () => {};
    });
  });
}

function isEmitter(value: unknown): value is Pool {
  return typeof value === "object" && value !== null && typeof (value as Partial<Pool>).on === "function";
}
