import { QueueError } from "../errors/queue-error.ts";
import type { Database } from "./database.ts";

/** What `postgres(…)` answers, and hands to a transaction. */
interface PostgresJs {
  (text: TemplateStringsArray): Promise<PostgresJsResult>;
  unsafe(text: string): unknown;
}

interface PostgresJsResult extends Array<{ readonly pid: number; readonly names: string | null }> {
  /** As the server, or a pooler before it, has told when the connection began. */
  readonly state: { readonly pid: number };
  readonly statement: { readonly name: string };
}

/**
 * What was found, `undefined` where commits hold, by Drizzle's dialect, which a database and its transactions share. Not
 * what is being found: a connection that died half-open never answers.
 */
const checkResults = new WeakMap<object, QueueError | undefined>();

/**
 * Refuses a database whose commits may be lost without an error, by one query for each database.
 *
 * `postgres` (3.4.9) prepares its `commit`. A pooler that shares connections among transactions may run it where it
 * wasn't prepared: that fails, the transaction with it, and the driver repeats the `commit`, which then rolls back and
 * succeeds. Poolers that manage prepared statements give them names of their own.
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
  // Prepared as the driver's own commands are, and so listed there.
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
    "A pooler (PgBouncer, for example) is between this process and Postgres, and postgres.js prepares statements: in " +
      "transaction mode its commits can be rolled back without an error. Make the client with " +
      "`postgres(url, { prepare: false })`.",
  );
}

function isPostgresJs(value: unknown): value is PostgresJs {
  return typeof value === "function" && typeof (value as Partial<PostgresJs>).unsafe === "function";
}
