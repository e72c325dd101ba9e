import pinoPretty from "pino-pretty";
import type { ErrorFields } from "./error-fields.ts";
import { manyLines, oneLine } from "./printable.ts";

/** Shown elsewhere in the line, said by its text, or of no use to somebody who looks at a terminal. */
const HIDDEN = new Set([
  ...["level", "time", "pid", "hostname", "msg", "err"],
  ...["queue", "outcome", "duration", "retryAt"],
]);
/** "12:00:00.000 ERROR: " */
const PREFIX_WIDTH = 20;

export interface PrettyOptions {
  readonly colors: boolean;
  /** Of the terminal, asked for each line. */
  readonly columns: () => number;
}

/** Turns a JSON line into one for people: the text, then its fields, which get a line of their own where space is short. */
export function prettyLines({ colors, columns }: PrettyOptions): (json: string) => string {
  return pinoPretty.prettyFactory({
    colorize: colors,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
    hideObject: true,
    customPrettifiers: {
      time: (time) => String(time),
      level: (level, _key, _log, { labelColorized }) => " ".repeat(5 - String(level).length) + labelColorized,
    },
    messageFormat: (line, _key, _label, { colors: paint }) => {
      const text = oneLine(String(line.msg ?? ""));
      const fields = Object.entries(line)
        .filter(([name, value]) => !HIDDEN.has(name) && !(name === "message" && text.includes(String(value))))
        .map(([name, value]) => `${oneLine(name)}=${show(value)}`)
        .join(" ");
      const fits = PREFIX_WIDTH + text.length + 2 + fields.length <= columns();
      const separator = fits ? "  " : `\n${" ".repeat(PREFIX_WIDTH)}`;
      const err = line.err as ErrorFields | undefined;
      return [
        paint.reset(text) + (fields && separator + paint.gray(fields)),
        ...(err ? errorLines(err).map((each) => `    ${paint.reset(each)}`) : []),
      ].join("\n");
    },
  });
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return oneLine(/^[^\s="]+$/.test(text) || typeof value !== "string" ? text : JSON.stringify(text));
}

function errorLines({ type, message, stack, cause, errors = [] }: ErrorFields, label = ""): string[] {
  const own = manyLines(stack ?? `${type}: ${message}`);
  return [
    `${label}${own[0]}`,
    ...own.slice(1),
    ...errors.flatMap((each) => errorLines(each, "inner error: ")),
    ...(cause ? errorLines(cause, "caused by: ") : []),
  ];
}
