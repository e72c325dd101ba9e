import { isQueueError, QueueError } from "../errors/queue-error.ts";
import { isErrorLike } from "../errors/thrown.ts";

/** Of an error of Postgres or of its driver, what is used here. */
interface DriverError extends Error {
  readonly code?: string;
  /** The function of the server's source that raised it: unlike the message, in no language. */
  readonly routine?: string;
}

/** What each driver says about a connection that it couldn't open, or lost. Node's own codes begin with `E`. */
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

/** States that pass by themselves: of the connection, of the server's resources, and conflicts between transactions. */
const TRANSIENT_CODES = /^(08|53|57P|40001|40P01|55P03|57014|25P03)/;

/** What raises 42501 because of a row: a policy, or a trigger of the app. Missing rights come from elsewhere. */
const ROW_ERROR_ROUTINES = new Set(["ExecWithCheckOptions", "exec_stmt_raise"]);

const CHECK_ROLE = "Check the user and the password in the database URL.";

/** States that stay until somebody changes something: what. The message of Postgres is put before it. */
const REMEDIES: Readonly<Record<string, (message: string) => string>> = {
  "42P01": createTablesAdvice,
  "42P10": () =>
    "The table in the database lacks the primary key that your code declares: run your own migrations (`drizzle-kit migrate`).",
  "42703": (message) =>
    `The table is older than this version of @org/queue, or than your code. ${createTablesAdvice(message)}`,
  "42883": () => "Run `await migrate(db)`, and pass it the `schema` that you use.",
  "3F000": () => "Run `await migrate(db, { schema })`, or correct the `schema` that you pass.",
  "42501": () =>
    "Connect as a role that may do this, or grant it: `grant usage on schema … to …`, " +
    "`grant select, insert, update, delete on all tables in schema … to …`. `migrate` needs a role that owns the schema.",
  "25006": () =>
    "The server is a standby or the role is read-only: connect to the primary, " +
    "with a role whose `default_transaction_read_only` is off.",
  "3D000": () => "Create the database (`createdb`), or correct its name in the database URL.",
  "28P01": () => CHECK_ROLE,
  "28000": () => `${CHECK_ROLE} The server's pg_hba.conf must let them in.`,
};

/** An error as the library's own, if it is about the database's state. Otherwise the error itself. */
export function toTypedError(what: string, error: unknown): unknown {
  if (isQueueError(error)) return error;
  for (const cause of causesOf(error)) {
    const { code = "", message } = cause;
    const said = `${what}: ${toSentence(cause)}`;
    if (LOST_CODES.has(code) || LOST_MESSAGES.test(message) || TRANSIENT_CODES.test(code)) {
      return new QueueError("DATABASE_UNAVAILABLE", `${said} ${adviceFor(code)}`, { cause });
    }
    const remedy = isRowLevelRefusal(cause)
      ? () => "Let a policy of the table allow the row to this role, or connect as a role with `bypassrls`."
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
 * Whether an error that `toTypedError` made is about the values of a row, so that the same statement may succeed for another
 * row: a value that its column doesn't take, a constraint, a policy, a trigger that raises.
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

/** What Postgres or the driver says is wrong, without the statement that Drizzle puts before it. A sentence. */
export function reasonOf(error: unknown): string {
  let reason = String(error);
  for (const cause of causesOf(error)) reason = toSentence(cause);
  return reason;
}

/** Drizzle wraps what a driver throws, and Node what it got from several addresses of a host. */
function* causesOf(error: unknown): Generator<DriverError> {
  for (let at = error, depth = 0; isErrorLike(at) && depth < 8; at = at.cause, depth++) {
    yield at;
    const { errors } = at as Partial<AggregateError>;
    if (Array.isArray(errors)) yield* errors.filter(isErrorLike);
  }
}

/** A sentence: those of drivers have no full stop, and that of an `AggregateError` is empty. */
function toSentence({ message, code }: DriverError): string {
  return (message || code || "the connection failed").replace(/\.?$/, ".");
}

function adviceFor(code: string): string {
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return "Check the host in the database URL; retry if the name service was away.";
  }
  if (code === "53300") return "Give this process a smaller pool, or raise the server's `max_connections`.";
  if (code === "53100") return "Make room on the server's disk.";
  if (/^(40|55|57014)/.test(code)) return "It collided with another transaction: retry.";
  return "Check that the server runs and that the database URL leads to it; retry once it is back.";
}

/** The library's tables come from `migrate`, all others are the user's own, and so are the rows of triggers. */
function createTablesAdvice(message: string): string {
  if (/column (new|old)\./.test(message)) {
    return "Bring your status tables up to date first: run your own migrations (`drizzle-kit migrate`).";
  }
  const name = /relation "(?:[^"]*\.)?([^"]+)"/.exec(message)?.[1];
  return name === undefined || name.startsWith("queue_")
    ? "Run `await migrate(db)`, and pass it the `schema` that you use."
    : "Create your tables first: run your own migrations (`drizzle-kit migrate`).";
}

/** Refusals that a driver makes by itself have no code. */
function driverRemedy(message: string): (() => string) | undefined {
  if (message.startsWith("SASL")) return () => CHECK_ROLE;
  if (/server does not support SSL/i.test(message)) {
    return () => "Leave TLS out of the database URL (`sslmode=disable`), or turn it on at the server.";
  }
  return undefined;
}
