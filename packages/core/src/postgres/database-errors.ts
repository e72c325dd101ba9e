import { isQueueError, QueueError } from "../errors/queue-error.ts";
import { isErrorLike } from "../errors/thrown.ts";

/** The part of a Postgres or driver error that is used here. */
interface DriverError extends Error {
  readonly code?: string;
  /** The function in the server's source that raised the error. Unlike the message, it isn't translated. */
  readonly routine?: string;
}

/** Codes of each driver for connections that couldn't be opened or were lost. Node's own begin with `E`. */
const LOST_CODES = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
  "ENOTFOUND",
]);
const LOST_MESSAGES =
  /^Connection terminated|timeout exceeded when trying to connect|^timeout expired|not queryable|^PGlite is closed/;

/** SQL states that pass on their own: lost connections, exhausted resources, conflicts between transactions. */
const TRANSIENT_CODES = /^(08|53|57P|40001|40P01|55P03|57014|25P03)/;

/**
 * Server functions that raise 42501 because of a row: policies and triggers. Missing privileges are raised elsewhere.
 */
const ROW_ERROR_ROUTINES = new Set(["ExecWithCheckOptions", "exec_stmt_raise"]);

const IS_THERE =
  "A migration was half undone, or the name is taken: its version isn't in `queue_migrations`, but what it creates is " +
  "there. Put the row of that version back if the migration was applied. Otherwise drop what is there, and run `migrate` again.";
const NO_STATEMENT_MODE =
  "The queue needs transactions: set `pool_mode = transaction` at the pooler, or connect to the database itself.";
const CHECK_ROLE = "Check the user and the password in the database URL.";

/** Advice for SQL states that last until someone acts. It follows the message of Postgres. */
const REMEDIES: Readonly<Record<string, (message: string) => string>> = {
  "42P01": createTablesAdvice,
  "42P07": () => IS_THERE,
  "42710": () => IS_THERE,
  "42723": () => IS_THERE,
  "42939": () => "Choose another `schema`: names that begin with `pg_` belong to Postgres.",
  "42P10": () =>
    "The table lacks the primary key that your code declares. Run your own migrations (`drizzle-kit migrate`).",
  "42703": (message) =>
    `The table is older than this version of @org/queue, or than your code. ${createTablesAdvice(message)}`,
  "42883": () => "Run `await migrate(db)`, and pass it the `schema` that you use.",
  "3F000": () => "Run `await migrate(db, { schema })`, or correct the `schema` that you pass.",
  "42501": () =>
    "Connect as a role with this privilege, or grant it as the owner of the schema: usage on the schema, and select, " +
    "insert, update and delete on its tables. `migrate` needs the owner of the schema.",
  "25006": () =>
    "The server is a standby, or the role is read-only. Connect to the primary, " +
    "with a role whose `default_transaction_read_only` is off.",
  "3D000": () => "Create the database (`createdb`), or correct its name in the database URL.",
  "28P01": () => CHECK_ROLE,
  "28000": () => `${CHECK_ROLE} The server's pg_hba.conf must allow this connection.`,
};

/** Turns an error about the state of the database into a `QueueError`. Returns other errors as they are. */
export function toTypedError(what: string, error: unknown): unknown {
  if (isQueueError(error)) return error;
  for (const cause of causesOf(error)) {
    const { code = "", message } = cause;
    const said = `${what}: ${toSentence(cause)}`;
    // PgBouncer reports it as a protocol violation, with a code of lost connections.
    if (/statement pooling mode/.test(message)) {
      return new QueueError("DATABASE_MISCONFIGURED", `${said} ${NO_STATEMENT_MODE}`, { cause });
    }
    if (LOST_CODES.has(code) || LOST_MESSAGES.test(message) || TRANSIENT_CODES.test(code)) {
      return new QueueError("DATABASE_UNAVAILABLE", `${said} ${adviceFor(code)}`, { cause });
    }
    const remedy = isRowLevelRefusal(cause)
      ? () => "Add a policy that allows the row for this role, or connect as a role with `bypassrls`."
      : Object.hasOwn(REMEDIES, code)
        ? REMEDIES[code]
        : driverRemedy(message);
    if (remedy !== undefined) {
      return new QueueError("DATABASE_MISCONFIGURED", `${said} ${remedy(message)}`, { cause });
    }
  }
  return error;
}

/**
 * Whether an error of `toTypedError` is about the values of a row, so that the statement may succeed for other rows: an
 * invalid value, a constraint, a policy, a trigger that raises.
 */
export function isRowError(error: unknown): boolean {
  for (const cause of causesOf(error)) if (isRowLevelRefusal(cause)) return true;
  if (isQueueError(error, "DATABASE_UNAVAILABLE") || isQueueError(error, "DATABASE_MISCONFIGURED"))
    return false;
  for (const { code } of causesOf(error)) if (code?.startsWith("42")) return false;
  return true;
}

function isRowLevelRefusal({ code, routine }: DriverError): boolean {
  return code === "42501" && routine !== undefined && ROW_ERROR_ROUTINES.has(routine);
}

/** The message of Postgres or the driver, as a sentence, without the statement that Drizzle prepends. */
export function reasonOf(error: unknown): string {
  let reason = String(error);
  for (const cause of causesOf(error)) reason = toSentence(cause);
  return reason;
}

/** Drizzle wraps the driver's error, and Node the errors of several addresses of a host. */
function* causesOf(error: unknown): Generator<DriverError> {
  for (let at = error, depth = 0; isErrorLike(at) && depth < 8; at = at.cause, depth++) {
    yield at;
    const { errors } = at as Partial<AggregateError>;
    if (Array.isArray(errors)) yield* errors.filter(isErrorLike);
  }
}

/** Messages of drivers have no full stop, and that of an `AggregateError` is empty. */
function toSentence({ message, code }: DriverError): string {
  return (message || code || "the connection failed").replace(/\.?$/, ".");
}

function adviceFor(code: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return "Check the host in the database URL. Retry if the DNS server was unavailable.";
  }
  if (code === "53300") return "Give this process a smaller pool, or raise the server's `max_connections`.";
  if (code === "53100") return "Free space on the server's disk.";
  if (/^(40|55|57014)/.test(code)) return "It conflicted with another transaction. Retry.";
  return "Check that the server is running and that the database URL is right. Retry once it is back.";
}

/** `migrate` creates the library's tables. All others, and the rows that triggers see, are the app's own. */
function createTablesAdvice(message: string): string {
  if (/column (new|old)\./.test(message)) {
    return "Bring your status tables up to date first: run your own migrations (`drizzle-kit migrate`).";
  }
  const name = /relation "(?:[^"]*\.)?([^"]+)"/.exec(message)?.[1];
  return name === undefined || name.startsWith("queue_")
    ? "Run `await migrate(db)`, and pass it the `schema` that you use."
    : "Create your tables first: run your own migrations (`drizzle-kit migrate`).";
}

/** Errors that a driver raises itself have no code. */
function driverRemedy(message: string): (() => string) | undefined {
  if (message.startsWith("SASL")) return () => CHECK_ROLE;
  if (/server does not support SSL/i.test(message)) {
    return () => "Leave TLS out of the database URL (`sslmode=disable`), or turn it on at the server.";
  }
  return undefined;
}
