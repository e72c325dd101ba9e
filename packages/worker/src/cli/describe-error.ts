import { inspect } from "node:util";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";

/** An error of `@org/queue`, of any copy of it. Help doesn't load the package. */
interface QueueErrorLike extends Error {
  readonly code: string;
  readonly retryable: boolean;
}

const ENGINE_CODES = new Set(["ENGINE_UNAVAILABLE", "ENGINE_MISCONFIGURED", "ENGINE_FULL"]);
/** The method that an error names first: a command line has none. */
const CALL = /^(?:list|count|graph|subscribe|failureGroups|sendWire|send|clean|[a-z]+Matching): (.)/;
const DOCTOR = "To look closer: queue doctor";

export interface DescribedError {
  /** Of an error of `@org/queue` its own, else the name of the exit code. */
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
  /** Whether its message was written to be read: what to do follows from it. */
  readonly isExpected: boolean;
}

/** Anything that was thrown. Never throws. `hint`: whether to name `queue doctor`, where that tells more. */
export function describeError(error: unknown, { hint = true } = {}): DescribedError {
  if (error instanceof CommandError) {
    const { message, exitCode } = error;
    return { code: codeName(exitCode), message, exitCode, isExpected: true };
  }
  if (isQueueError(error)) {
    const own = error.message.replace(CALL, (_, first: string) => first.toUpperCase());
    const message = hint && ENGINE_CODES.has(error.code) ? `${own} ${DOCTOR}` : own;
    return { code: error.code, message, exitCode: exitCodeOf(error), isExpected: true };
  }
  const missing = missingPackage(error);
  if (missing !== undefined) {
    const message = `The package ${missing} isn't installed. Run: npm install ${missing}`;
    return { code: "CONFIG", message, exitCode: EXIT_CODES.CONFIG, isExpected: true };
  }
  const message = error instanceof Error ? describeOther(error) : `Something threw ${inspect(error)}.`;
  return { code: "FAILED", message, exitCode: EXIT_CODES.FAILED, isExpected: false };
}

/** With its causes. A command's own error has none that tells more. */
export function stackOf(error: unknown): string {
  return inspect((error instanceof CommandError && error.cause) || error, { depth: 4 });
}

function isQueueError(error: unknown): error is QueueErrorLike {
  try {
    return error instanceof Error && Reflect.get(error, Symbol.for("@org/queue/error")) === true;
  } catch {
    return false;
  }
}

/** A peer dependency that the app lacks. */
function missingPackage(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_MODULE_NOT_FOUND")
    return undefined;
  return /^Cannot find package '([^']+)'/.exec(error.message)?.[1];
}

function exitCodeOf({ code, retryable }: QueueErrorLike): number {
  if (code === "ENGINE_MISCONFIGURED" || code === "DATABASE_MISCONFIGURED") return EXIT_CODES.CONFIG;
  return retryable ? EXIT_CODES.UNAVAILABLE : EXIT_CODES.FAILED;
}

function codeName(exitCode: number): string {
  return Object.entries(EXIT_CODES).find(([, code]) => code === exitCode)?.[0] ?? "FAILED";
}

function describeOther({ name, message }: Error): string {
  return [name === "Error" ? "" : name, message].filter(Boolean).join(": ") || "An error without a message.";
}
