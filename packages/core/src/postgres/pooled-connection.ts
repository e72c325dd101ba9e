import { QueueError } from "../errors/queue-error.ts";
import type { Database } from "./database.ts";

/** What `postgres(…)` returns and passes to a transaction. */
interface PostgresJs {
  (text: TemplateStringsArray): Promise<PostgresJsResult>;
  unsafe(text: string): unknown;
}

interface PostgresJsResult extends Array<{ readonly pid: number; readonly names: string | null }> {
  /** The process id that the server, or a pooler in front of it, reported when the connection opened. */
  readonly state: { readonly pid: number };
  readonly statement: { readonly name: string };
}

/**
 * Results of finished checks, `undefined` if commits are safe, by the Drizzle dialect, which a database and its
 * transactions share. Not promises: on a half-open connection they would never settle.
 */
const checkResults = new WeakMap<object, QueueError | undefined>();

/**
 * Rejects a database whose commits may be lost without an error. Takes one query per database.
 *
 * `postgres` (3.4.9) prepares its `commit`. A pooler in transaction mode may run it on a connection where it isn't
 * prepared. The commit then fails together with its transaction, and the driver repeats it, which rolls back and
 * reports success. Poolers that manage prepared statements rename them, so they are safe.
 *
 * @throws {QueueError} `DATABASE_MISCONFIGURED`.
 */
export async function assertSafeCommits(db: Database): Promise<void> {
  const { dialect, session } = db as unknown as {
    readonly dialect: object;
    readonly session?: { readonly client?: unknown };
  };
  const client = session?.client;
  if (!isPostgresJs(client)) return;
  if (!checkResults.has(dialect)) checkResults.set(dialect, await checkCommits(client));
  const problem = checkResults.get(dialect);
  if (problem !== undefined) throw problem;
}

async function checkCommits(client: PostgresJs): Promise<QueueError | undefined> {
  // The driver prepares this query like its own commands, so a direct connection lists it.
  const result = await client`
    select pg_backend_pid() as pid, string_agg(name, ' ') as names /* queue_pooler_check */
    from pg_prepared_statements where statement like '%queue_pooler_check%'`;
  const { pid, names } = result[0]!;
  const { state, statement } = result;
  if (statement.name === "" || pid === state.pid || !names?.split(" ").includes(statement.name)) {
    return undefined;
  }
  return new QueueError(
    "DATABASE_MISCONFIGURED",
    "There is a pooler (PgBouncer, for example) between this process and Postgres, and postgres.js prepares statements. In " +
      "transaction mode, commits can be rolled back without an error. Create the client with " +
      "`postgres(url, { prepare: false })`.",
  );
}

function isPostgresJs(value: unknown): value is PostgresJs {
  return typeof value === "function" && typeof (value as Partial<PostgresJs>).unsafe === "function";
}
