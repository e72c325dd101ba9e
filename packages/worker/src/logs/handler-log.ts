import type { LevelLogger } from "../config/config.ts";
import { currentScope } from "./job-context.ts";
import type { LineLevel } from "./safe-logger.ts";

/** Logs a text, or fields and a text. */
export interface LogLine {
  (message: string): void;
  (fields: object, message: string): void;
}

/** Logs with the job that the caller works on. */
export interface JobLogger extends LevelLogger {
  readonly debug: LogLine;
  readonly info: LogLine;
  readonly warn: LogLine;
  readonly error: LogLine;
  /**
   * The same logger with fields of its own in each line.
   *
   * @example
   * const planLog = log.with({ planId: data.planId });
   */
  with(fields: object): JobLogger;
}

/** Where lines go that are logged outside of any job, shared by all copies of this package in a process. */
const KEY = Symbol.for("@org/queue-worker/process-logger");
const shared = globalThis as { [KEY]?: LevelLogger | undefined };

/** Makes a logger the one of lines outside of any job. */
export function setProcessLogger(logger: LevelLogger): void {
  shared[KEY] = logger;
}

/**
 * A logger for handlers, and for what they call: each line carries the job, message, attempt and user by itself, also
 * from timers and callbacks that the handler started. Fields `job`, `message`, `queue`, `attempt` and `user` are the
 * job's. Outside of any job it logs as the process does; without a worker process, to the console.
 *
 * @example
 * import { log } from "@org/queue-worker";
 *
 * log.info({ pages: 3 }, "Fetched the archive");
 */
export const log: JobLogger = jobLogger({});

function jobLogger(bound: object): JobLogger {
  const line =
    (level: LineLevel): LogLine =>
    (first: object | string, message?: string) => {
      const [fields, text] =
        typeof first === "string" ? [bound, first] : [{ ...bound, ...first }, message ?? ""];
      const sink = currentScope()?.sink;
      if (sink) sink.write(level, fields, text);
      else if (shared[KEY]) shared[KEY][level](fields, text);
      else console[level](text, ...(Object.keys(fields).length > 0 ? [fields] : []));
    };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    with: (fields) => jobLogger({ ...bound, ...fields }),
  };
}
