import pino from "pino";
import type { LevelLogger } from "../config/config.ts";
import type { LogSettings } from "../config/settings.ts";
import { wantsColors } from "../wants-colors.ts";
import { LogDestination } from "./log-destination.ts";
import { prettyLines } from "./pretty-lines.ts";
import { printableJson } from "./printable.ts";

/** Pino on stdout, in this process: a worker thread would lose its last lines when the process ends. */
export function pinoLogger({ level, format }: Pick<LogSettings, "level" | "format">): {
  readonly logger: LevelLogger;
  readonly flush: () => Promise<void>;
} {
  // Reading it makes a pipe non-blocking: a reader that is slow or stopped doesn't hold up a thread.
  const { stdout } = process;
  const destination = new LogDestination(stdout.fd, (dropped) =>
    logger.warn(
      { dropped },
      `${dropped} log lines were dropped: whatever reads stdout was too slow, or had stopped.`,
    ),
  );
  const pretty = prettyLines({
    colors: wantsColors(stdout.isTTY, process.env),
    // Of a pipe: as wide as it takes.
    columns: () => stdout.columns ?? Number.POSITIVE_INFINITY,
  });
  const toText = format === "pretty" ? pretty : printableJson;
  const logger: LevelLogger = pino(
    {
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Errors come as plain fields. Pino's own serializer would join their causes into one text.
      serializers: { err: (fields: unknown) => fields },
      formatters: { level: (label) => ({ level: label }), log: withoutDuplicates },
    },
    { write: (json: string) => destination.write(toText(json)) },
  );
  return { logger, flush: () => destination.flush() };
}

/** Names that pino writes itself. Twice in one object, the second would win. */
const OWN_NAMES = ["level", "time", "pid", "hostname", "msg"];

/** Fields whose name pino has taken get a `_` behind it. */
function withoutDuplicates(fields: Record<string, unknown>): Record<string, unknown> {
  if (!OWN_NAMES.some((name) => name in fields)) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [OWN_NAMES.includes(name) ? `${name}_` : name, value]),
  );
}
