import { type Issue, isQueueError } from "./queue-error.ts";

/** The texts of a thrown value. */
export interface ThrownText {
  /** The error's class, or the type of a value that isn't an error. */
  readonly name: string;
  /** Never empty: the error's name if it has no message. */
  readonly message: string;
  /** With the stacks of its causes and inner errors. `""` if it isn't an error. */
  readonly stack: string;
  /** What an `AggregateError` holds, the first ten. */
  readonly errors: readonly { readonly name: string; readonly message: string }[];
  /** Of an error about data, the first twenty. */
  readonly issues: readonly Issue[];
}

const MAX_ISSUES = 20;
const MAX_INNER = 10;
/** Causes and inner errors whose stacks are kept. */
const MAX_NESTED = 10;

/**
 * Describes any thrown value without throwing: it may be a proxy, have getters that throw, come from another realm
 * or copy of this package, or be its own cause.
 */
export function describeThrown(thrown: unknown): ThrownText {
  const { name, message, stack } = readOne(thrown);
  const inner = innerErrors(thrown);
  return {
    name,
    message,
    stack: isErrorLike(thrown) ? withNested(stack, thrown) : "",
    errors: inner.map((error) => {
      const { name, message } = readOne(error);
      return { name, message };
    }),
    issues: isQueueError(thrown) ? readIssues(read(thrown, "issues")) : [],
  };
}

/** The message of any thrown value, never empty. Never throws. */
export function messageOf(thrown: unknown): string {
  return readOne(thrown).message;
}

interface OneThrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

function readOne(thrown: unknown): OneThrown {
  if (!isErrorLike(thrown)) return { name: typeof thrown, message: `Thrown: ${show(thrown)}`, stack: "" };
  const name = toText(read(thrown, "name")) || "Error";
  return { name, message: toText(read(thrown, "message")) || name, stack: toText(read(thrown, "stack")) };
}

/**
 * Whether a value is an error, also of another realm, where `instanceof` fails (Node's own errors in a test runner's
 * sandbox), or of a library whose errors don't extend `Error`. Never throws.
 */
export function isErrorLike(thrown: unknown): thrown is Error {
  if (typeof thrown !== "object" || thrown === null) return false;
  try {
    if (thrown instanceof Error || Object.prototype.toString.call(thrown) === "[object Error]") return true;
  } catch {
    // A proxy, or a getter of `Symbol.toStringTag`.
  }
  return (
    typeof read(thrown, "message") === "string" &&
    typeof read(thrown, "name") === "string" &&
    typeof read(thrown, "stack") === "string"
  );
}

/** Appends what `error.stack` leaves out: the causes, and an `AggregateError`'s errors. */
function withNested(stack: string, error: object): string {
  const parts = [stack];
  const seen = new Set<unknown>([error]);
  const visit = (parent: object): void => {
    const cause = read(parent, "cause");
    const nested = innerErrors(parent).map((inner) => ({ label: "Inner error", value: inner }));
    if (cause !== undefined && cause !== null) nested.push({ label: "Caused by", value: cause });
    for (const { label, value } of nested) {
      if (parts.length > MAX_NESTED || seen.has(value)) continue;
      seen.add(value);
      const { message, stack } = readOne(value);
      parts.push(`${label}: ${stack || message}`);
      if (isErrorLike(value)) visit(value);
    }
  };
  visit(error);
  return parts.join("\n");
}

function innerErrors(thrown: unknown): readonly unknown[] {
  return isErrorLike(thrown) ? readItems(read(thrown, "errors"), MAX_INNER) : [];
}

function readIssues(issues: unknown): Issue[] {
  return readItems(issues, MAX_ISSUES).map((issue) => ({
    path: toText(read(issue, "path")),
    message: toText(read(issue, "message")),
  }));
}

function readItems(list: unknown, limit: number): readonly unknown[] {
  try {
    return Array.isArray(list) ? list.slice(0, limit) : [];
  } catch {
    return [];
  }
}

function read(value: unknown, key: string): unknown {
  try {
    return Object(value)[key];
  } catch {
    return undefined;
  }
}

function toText(value: unknown): string {
  if (value === undefined || value === null) return "";
  try {
    return String(value);
  } catch {
    return "";
  }
}

function show(value: unknown): string {
  try {
    if (typeof value === "string" || (typeof value === "object" && value !== null)) {
      return JSON.stringify(value) ?? "an object";
    }
    return String(value);
  } catch {
    return "a value that can't be shown";
  }
}
