/**
 * Every code an error of this library can carry. Codes are stable: they are added, never renamed.
 * `docs/errors.md` is generated from this table.
 */
export const ERROR_CODES = {
  // Contracts and options
  INVALID_CONTRACT: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "The service has a configuration error.",
    means: "A message definition or a registry has problems; all of them are listed.",
    remedy: "Fix each problem. A registry that has any can't be created.",
  },
  INVALID_OPTIONS: {
    retryable: false,
    exposure: "public",
    status: 400,
    publicMessage: "The request has an invalid option.",
    means: "An option is unknown, missing, or out of its bounds.",
    remedy: "The error message names the option and what it accepts.",
  },
  UNKNOWN_MESSAGE: {
    retryable: false,
    exposure: "public",
    status: 404,
    publicMessage: "This kind of job is unknown.",
    means: "The message isn't in this registry.",
    remedy: "Add the message to the registry.",
  },

  // Data
  INVALID_DATA: {
    retryable: false,
    exposure: "public",
    status: 422,
    publicMessage: "Some of the data is invalid.",
    means: "The data doesn't match the message's schema, at send or when the worker parsed it.",
    remedy: "`issues` lists each path and what was expected. A failed job keeps its raw payload.",
  },
  INVALID_RESULT: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "The job failed.",
    means: "The handler's return value doesn't match the message's `result` schema.",
    remedy: "Return what the contract requires, or change the contract.",
  },
  INVALID_PROGRESS: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "The job failed.",
    means: "The progress a handler reported doesn't match the message's `progress` schema.",
    remedy: "Report what the contract requires, or change the contract.",
  },
  PAYLOAD_TOO_LARGE: {
    retryable: false,
    exposure: "public",
    status: 413,
    publicMessage: "The data is too large.",
    means: "Data, metadata, result, or progress is over its size cap, or nested too deep.",
    remedy:
      "Send a reference (an id, a URL), or raise the cap in `limits`. Flatten deep data, or send it as text.",
  },
  UNSUPPORTED_VERSION: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "This version of the data is no longer supported. Reload the page and try again.",
    means: "The job's version is newer than this worker's contract, or older than its `upcast` reaches.",
    remedy: "Deploy workers before producers, or add the missing upcast step.",
  },

  // Ids
  ID_IN_USE: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "Another job has this id.",
    means: "A job of another message has the id, or had it until lately. Nothing was stored.",
    remedy: "Put the message's name into the ids that you choose: one id names one job of the whole engine.",
  },

  // Dependencies
  DEPENDENCY_NOT_FOUND: {
    retryable: false,
    exposure: "public",
    status: 422,
    publicMessage: "The job depends on a job that doesn't exist.",
    means: "The job depends on an id that was never stored or is forgotten. Nothing was stored.",
    remedy: "Send the dependency first, or both in one `sendMany` with a local `ref`.",
  },
  DEPENDENCY_CYCLE: {
    retryable: false,
    exposure: "public",
    status: 422,
    publicMessage: "The jobs depend on each other in a cycle.",
    means: "Jobs of one batch wait for each other. Nothing was stored.",
    remedy: "The error message names the cycle: remove one of its dependencies.",
  },
  DEPENDENCY_FAILED: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "The job was cancelled because a job it depends on failed.",
    means:
      "The job was cancelled because a dependency failed or was cancelled. `root` and the error message name the first.",
    remedy: 'Retry the dependency, then this job; or send with `onFailure: "run"` or `"hold"`.',
  },

  // Jobs
  JOB_NOT_FOUND: {
    retryable: false,
    exposure: "public",
    status: 404,
    publicMessage: "The job doesn't exist or is no longer stored.",
    means: "No job with this id is stored: it never was, its retention was over, or somebody removed it.",
    remedy: "Check the id and the namespace; keep jobs longer with `retain`.",
  },
  RESULT_NOT_KEPT: {
    retryable: false,
    exposure: "public",
    status: 410,
    publicMessage: "The result of the job is no longer stored.",
    means: "The job completed, and was removed since: its retention was over, or somebody removed it.",
    remedy:
      "Keep results longer with the message's `retain.completed`, or wait for the job as soon as it is sent.",
  },
  INVALID_STATE: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "The current state of the job doesn't allow this.",
    means: "The job's state doesn't allow the operation.",
    remedy: "The error message names the job's state and the states that allow it.",
  },
  JOB_FAILED: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "The job failed.",
    means: "`wait` was called for a job that failed. `cause` is the job's error.",
    remedy: "Look at the cause; `queue.retry(id)` runs it again.",
  },
  JOB_CANCELLED: {
    retryable: false,
    exposure: "public",
    status: 409,
    publicMessage: "The job was cancelled.",
    means: "The job was cancelled. Handlers see it as their signal's reason.",
    remedy: "`queue.retry(id)` runs it again.",
  },
  WAIT_TIMEOUT: {
    retryable: true,
    exposure: "public",
    status: 504,
    publicMessage: "The job hasn't finished yet. Try again later.",
    means: "The job didn't end within the timeout of `wait`. The job isn't affected.",
    remedy: "The error message says what the job waits for. Wait again, or longer.",
  },

  // Attempts
  HANDLER_FAILED: {
    retryable: true,
    exposure: "internal",
    status: 500,
    publicMessage: "The job failed.",
    means: "The handler threw. The job is retried by its retry policy.",
    remedy: "`cause` and the stored error have the handler's own message and stack.",
  },
  TIMEOUT: {
    retryable: true,
    exposure: "public",
    status: 504,
    publicMessage: "The job took too long.",
    means: "The attempt ran longer than the message's `timeout`.",
    remedy: "Pass `signal` to what the handler awaits, or raise the timeout.",
  },
  STALLED: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "The job failed.",
    means: "Workers holding the job died or froze `maxStalls` times.",
    remedy: "Look for crashes and blocked event loops in the workers, then retry the job.",
  },
  LEASE_LOST: {
    retryable: true,
    exposure: "internal",
    status: 500,
    publicMessage: "The job was interrupted.",
    means: "The worker couldn't renew its lease in time; another worker may run the job now.",
    remedy: "Stop what the handler is doing. Send `fence` along with writes to other systems.",
  },
  SHUTDOWN: {
    retryable: true,
    exposure: "internal",
    status: 503,
    publicMessage: "The job was interrupted.",
    means: "The worker is stopping and its drain time is over. The job goes back to its queue.",
    remedy: "Give `stop({ timeout })` more time, or pass `signal` to what the handler awaits.",
  },
  UNRECOVERABLE: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "The job failed.",
    means: "The handler threw `UnrecoverableError`: no retry can help.",
    remedy: "Fix the cause, then retry the job.",
  },
  RETRY_AFTER: {
    retryable: true,
    exposure: "internal",
    status: 503,
    publicMessage: "The job will be tried again later.",
    means: "The handler threw `RetryAfterError`, which chooses the pause before the next attempt.",
    remedy: "None: the job runs again by itself.",
  },

  // Engines
  UNSUPPORTED_BY_ENGINE: {
    retryable: false,
    exposure: "internal",
    status: 501,
    publicMessage: "This operation isn't supported.",
    means: "The engine lacks the capability that the call needs.",
    remedy: "Use an engine that has it, or leave the option out.",
  },
  ENGINE_UNAVAILABLE: {
    retryable: true,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means: "The engine's server can't be reached, or refused the operation for now.",
    remedy: "Try again. Repeat a send with the error's `ids`, so that each job is stored once.",
  },
  ENGINE_FAILED: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "Something went wrong.",
    means: "The engine failed at a send for an unknown reason. Other sends aren't affected.",
    remedy: "Look at the cause. Check with `queue.get` which of the error's `ids` were stored.",
  },
  ENGINE_FULL: {
    retryable: true,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means: "The engine's server is out of memory and refuses to store more. Nothing was stored.",
    remedy: "Let workers drain the queues (claiming and settling still work), or raise Redis' `maxmemory`.",
  },
  CORRUPT_JOB: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "Something went wrong.",
    means:
      "Keys of the engine were deleted or overwritten. Unreadable jobs count as removed; the others go on.",
    remedy:
      "Look for an evicting server, or another program in the same database. Send lost jobs again with their ids.",
  },
  ENGINE_MISCONFIGURED: {
    retryable: false,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means: "The engine's server refused the credentials, is too old, or has a setting that loses jobs.",
    remedy: "The error message names the setting to change. The engine then continues by itself.",
  },

  // Postgres
  DATABASE_UNAVAILABLE: {
    retryable: true,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means: "Postgres can't be reached, the connection was lost, or it refused the statement for now.",
    remedy: "The error message says what to check. Retry: an open transaction was rolled back.",
  },
  DATABASE_MISCONFIGURED: {
    retryable: false,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means:
      "Postgres refused the credentials or the role, or the database lacks a table, a column or a migration.",
    remedy:
      "The error message names what to change; most often run `await migrate(db)`, or your own migrations.",
  },

  // General
  UNSUPPORTED_RUNTIME: {
    retryable: false,
    exposure: "internal",
    status: 500,
    publicMessage: "Something went wrong.",
    means: "The runtime is too old for this library.",
    remedy: "Run the app on Node 20.9 or later.",
  },
  CLOSED: {
    retryable: false,
    exposure: "internal",
    status: 503,
    publicMessage: "The service is temporarily unavailable. Try again later.",
    means: "The queue, engine or worker was already closed.",
    remedy: "Create a new one.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorCodeEntry {
  /** Whether a repeat may succeed. */
  readonly retryable: boolean;
  /** Whether clients may see the code: `internal` ones reach them as `INTERNAL_ERROR`. */
  readonly exposure: "public" | "internal";
  /** The HTTP status of a response with this error. */
  readonly status: number;
  /** For any client: names no address, id or internal. */
  readonly publicMessage: string;
  readonly means: string;
  /** What the developer or operator can do. */
  readonly remedy: string;
}

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}
