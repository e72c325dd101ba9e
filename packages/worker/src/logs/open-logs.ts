import type { Logger } from "@org/queue";
import type { LogSettings } from "../config/settings.ts";
import { AttemptLogs } from "./attempt-logs.ts";
import { setProcessLogger } from "./handler-log.ts";
import type { WorkerLogs } from "./logs.ts";
import { pinoLogger } from "./pino-logger.ts";
import { SafeLogger } from "./safe-logger.ts";

/** Opens the logs of a worker process: pino on stdout, or the given logger. */
export function openLogs({ level, format, logger: given, intoJobs }: LogSettings): WorkerLogs {
  const target = given ? { logger: given, flush: async () => {} } : pinoLogger({ level, format });
  const logger = new SafeLogger(target.logger, level);
  setProcessLogger(logger);
  return {
    logger,
    coreLogger: toCoreLogger(logger),
    middleware: new AttemptLogs({ logger, intoJobs }),
    flush: target.flush,
  };
}

function toCoreLogger(logger: SafeLogger): Logger {
  const fields = (error: unknown) => (error === undefined ? {} : { err: error });
  return {
    warn: (message, error) => logger.warn(fields(error), message),
    error: (message, error) => logger.error(fields(error), message),
  };
}
