import type { LevelLogger, LogLevel } from "../config/config.ts";
import { errorFields } from "./error-fields.ts";

const ORDER: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

export type LineLevel = Exclude<LogLevel, "silent">;

/**
 * Wraps any logger: lines below the level aren't made, errors in `err` become plain fields, and nothing that the logger
 * throws or rejects reaches the caller. The first such failure is told on stderr.
 */
export class SafeLogger implements LevelLogger {
  readonly #logger: LevelLogger;
  readonly #least: number;
  #hasFailed = false;

  constructor(logger: LevelLogger, level: LogLevel) {
    this.#logger = logger;
    this.#least = ORDER.indexOf(level);
  }

  isOn(level: LineLevel): boolean {
    return ORDER.indexOf(level) >= this.#least;
  }

  debug(fields: object, message: string): void {
    this.write("debug", fields, message);
  }

  info(fields: object, message: string): void {
    this.write("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.write("warn", fields, message);
  }

  error(fields: object, message: string): void {
    this.write("error", fields, message);
  }

  write(level: LineLevel, fields: object, message: string): void {
    if (!this.isOn(level)) return;
    try {
      const line = "err" in fields ? { ...fields, err: errorFields(fields.err) } : fields;
      // Its type returns nothing, and it may be asynchronous all the same.
      const returned: unknown = this.#logger[level](line, message);
      if (typeof returned === "object" && returned !== null) {
        Promise.resolve(returned).catch((error: unknown) => this.#tell(error, message));
      }
    } catch (error) {
      this.#tell(error, message);
    }
  }

  #tell(error: unknown, message: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    const failure = errorFields(error);
    try {
      process.stderr.write(
        `The logger failed with ${failure.type}: ${failure.message}. This is told once. The line was: ${JSON.stringify(message)}\n`,
      );
    } catch {
      // There is nowhere left to report it.
    }
  }
}
