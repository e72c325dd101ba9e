import { fitsBytes } from "../contract/limits.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { type Issue, isQueueError } from "../errors/queue-error.ts";

/** Issues that a stored error keeps. */
const MAX_ISSUES = 20;
/** Causes that a stored stack follows. */
const MAX_CAUSES = 5;

interface Description {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly issues: readonly Issue[];
}

/**
 * The JSON text of an error as a job keeps it, at most `cap` bytes: too long a stack, then message, is
 * shortened. Anything can be thrown, and whatever it is, this answers.
 */
export function toStoredError(code: ErrorCode, thrown: unknown, cap: number): string {
  const { name, message, stack, issues } = describe(thrown);
  let json = "";
  // The first try keeps all there is room for; each further one allows half as many characters.
  for (let room = cap; room >= 1; room = Math.floor(room / 2)) {
    const kept = issues.slice(0, room === cap ? MAX_ISSUES : room > 1_000 ? 5 : 0);
    json = JSON.stringify({
      code,
      message: shorten(message, Math.ceil(room / 4)),
      name: shorten(name, 100),
      ...(stack && room > 200 && { stack: shorten(stack, room) }),
      ...(kept.length > 0 && {
        issues: kept.map((issue) => ({
          path: shorten(issue.path, 200),
          message: shorten(issue.message, 200),
        })),
      }),
    });
    if (fitsBytes(json, cap)) return json;
  }
  return JSON.stringify({ code, message: "" });
}

function describe(thrown: unknown): Description {
  try {
    if (thrown instanceof Error || isQueueError(thrown)) {
      return {
        name: String(thrown.name),
        message: String(thrown.message),
        stack: withCauses(thrown),
        issues: isQueueError(thrown) ? readIssues(thrown.issues) : [],
      };
    }
    return { name: typeof thrown, message: `Thrown: ${show(thrown)}`, stack: "", issues: [] };
  } catch {
    return { name: typeof thrown, message: "Thrown: a value that can't be shown", stack: "", issues: [] };
  }
}

/** Of this package, or of another version of it. */
function readIssues(issues: unknown): readonly Issue[] {
  if (!Array.isArray(issues)) return [];
  return issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: String(path), message: String(message) }));
}

/** The causes tell what really happened, and `error.stack` leaves them out. */
function withCauses(error: Error): string {
  const parts = [String(error.stack ?? "")];
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && cause !== null && depth < MAX_CAUSES; depth++) {
    parts.push(`Caused by: ${cause instanceof Error ? (cause.stack ?? cause.message) : show(cause)}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return parts.join("\n");
}

function show(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? "an object";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}
