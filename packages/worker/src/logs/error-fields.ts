/** An error as a line has it. */
export interface ErrorFields {
  /** Its class, or the type of a thrown value that isn't an error. */
  readonly type: string;
  readonly message: string;
  readonly code?: string;
  /** Its own: causes have theirs. */
  readonly stack?: string;
  readonly cause?: ErrorFields;
  /** What an `AggregateError` held, the first ten. */
  readonly errors?: readonly ErrorFields[];
}

/** Causes of causes that are kept. */
const MAX_DEPTH = 5;
const MAX_INNER = 10;
/** Characters of a message and of a stack. */
const MAX_TEXT = 16_384;

/**
 * Describes any thrown value without throwing: it may be a proxy, have getters that throw, be its own cause, or have been
 * described before.
 */
export function errorFields(thrown: unknown): ErrorFields {
  return describe(thrown, new Set());
}

function describe(thrown: unknown, seen: Set<unknown>): ErrorFields {
  if (typeof thrown !== "object" || thrown === null) {
    return { type: thrown === null ? "null" : typeof thrown, message: toText(thrown) };
  }
  seen.add(thrown);
  const nested = (value: unknown) =>
    seen.has(value) || seen.size > MAX_DEPTH + MAX_INNER ? undefined : describe(value, seen);
  const cause = read(thrown, "cause");
  const inner = readItems(read(thrown, "errors")).flatMap((each) => nested(each) ?? []);
  const causeFields = cause === undefined || cause === null ? undefined : nested(cause);
  const code = read(thrown, "code");
  const stack = read(thrown, "stack");
  const type = toText(read(thrown, "type") ?? read(thrown, "name")) || "Error";
  return {
    type,
    message: toText(read(thrown, "message")) || type,
    ...((typeof code === "string" || typeof code === "number") && { code: String(code) }),
    ...(typeof stack === "string" && stack !== "" && { stack: withoutCallers(stack).slice(0, MAX_TEXT) }),
    ...(causeFields && { cause: causeFields }),
    ...(inner.length > 0 && { errors: inner }),
  };
}

/** Frames of this library and of Node, which called the handler: they are the same for each job. */
const CALLERS =
  /(?:\n +at [^\n]*(?:[\\/](?:@org[\\/]queue(?:-worker)?|packages[\\/](?:core|worker))[\\/](?:dist|src)[\\/]|node:internal\/)[^\n]*)+$/;

function withoutCallers(stack: string): string {
  return stack.replace(CALLERS, "");
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

function readItems(list: unknown): readonly unknown[] {
  try {
    return Array.isArray(list) ? list.slice(0, MAX_INNER) : [];
  } catch {
    return [];
  }
}

function toText(value: unknown): string {
  if (value === undefined) return "";
  try {
    return String(value).slice(0, MAX_TEXT);
  } catch {
    return "";
  }
}
