import type { ErrorCode } from "../errors/codes.ts";
import { type Issue, isQueueError, QueueError } from "../errors/queue-error.ts";
import { messageOf } from "../errors/thrown.ts";

/**
 * Caps on what a job may carry, in bytes of JSON (UTF-8). They keep a huge send from slowing every worker, and
 * hostile input from a parser.
 */
export interface Limits {
  /** @default 262_144 (256 KB) */
  readonly data: number;
  /** @default 16_384 (16 KB) */
  readonly metadata: number;
  /** @default 262_144 (256 KB) */
  readonly result: number;
  /** @default 16_384 (16 KB) */
  readonly progress: number;
  /** Longer errors are shortened, not refused. @default 16_384 (16 KB) */
  readonly error: number;
  /** One log line; longer ones are shortened. @default 4_096 (4 KB) */
  readonly log: number;
}

export const DEFAULT_LIMITS: Limits = Object.freeze({
  data: 262_144,
  metadata: 16_384,
  result: 262_144,
  progress: 16_384,
  error: 16_384,
  log: 4_096,
});

/** Deeper values are refused: parsers and `JSON.stringify` recurse. */
export const MAX_DEPTH = 100;

const encoder = new TextEncoder();

/** Whether a text has at most `cap` bytes in UTF-8. Encodes only when its length doesn't decide it. */
export function fitsBytes(text: string, cap: number): boolean {
  if (text.length > cap) return false;
  return text.length * 3 <= cap || encoder.encode(text).length <= cap;
}

/**
 * Walks a value before its schema parses it. Throws if it is too large, too deep or circular, or has an own
 * `__proto__` key, which a later copy or merge would turn into a prototype. Doesn't enter class instances, since a
 * codec may replace them; `hasInstances` reports whether there were any.
 */
export function assertWithinLimits(
  what: string,
  value: unknown,
  cap: number,
  code: ErrorCode = "INVALID_DATA",
): { hasInstances: boolean } {
  let budget = cap;
  let hasInstances = false;

  const walk = (node: unknown, path: string, depth: number): void => {
    if (typeof node === "string") budget -= node.length + 2;
    else if (typeof node !== "object" || node === null) budget -= 1;
    else if (!Array.isArray(node) && !isPlain(node)) hasInstances = true;
    else {
      if (depth > MAX_DEPTH) {
        const problem = `is nested deeper than ${MAX_DEPTH} levels. Flatten it, or send it as text.`;
        throw limitExceeded(code, what, value, problem);
      }
      budget -= 2;
      if (Array.isArray(node)) {
        for (let index = 0; index < node.length; index++) {
          budget -= 1;
          walk(node[index], `${path}.${index}`, depth + 1);
        }
      } else {
        for (const key of Object.keys(node)) {
          if (key === "__proto__") throw forbiddenKey(code, what, `${path}.__proto__`.slice(1));
          const child = (node as Record<string, unknown>)[key];
          if (child === undefined || typeof child === "function") continue;
          budget -= key.length + 3;
          walk(child, `${path}.${key}`, depth + 1);
        }
      }
    }
    if (budget < 0) throw limitExceeded(code, what, value, overCap(cap));
  };

  try {
    walk(value, "", 0);
  } catch (cause) {
    if (isQueueError(cause)) throw cause;
    // A getter or a proxy in the value.
    throw new QueueError(code, `The ${what} can't be read: ${messageOf(cause)}`, { cause });
  }
  return { hasInstances };
}

/** `JSON.parse` for text from outside: size, depth and `__proto__` are checked, errors are typed. */
export function parseJson(what: string, text: string, cap: number): unknown {
  if (typeof text !== "string") throw new QueueError("INVALID_DATA", `The ${what} is not JSON text.`);
  if (!fitsBytes(text, cap)) throw tooLarge(what, overCap(cap));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new QueueError("INVALID_DATA", `The ${what} is not JSON: ${(cause as Error).message}`, { cause });
  }
  // Most payloads can't contain either, and scanning the text is far cheaper than walking the value. Escapes can
  // spell the key too.
  if (text.includes("__proto__") || text.includes("\\u") || mayBeDeep(text))
    assertWithinLimits(what, value, Number.POSITIVE_INFINITY);
  return value;
}

function mayBeDeep(text: string): boolean {
  let opened = 0;
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++opened > MAX_DEPTH) return true;
    }
  }
  return false;
}

/** `problem` continues the sentence after the name, and says what to do. */
export function tooLarge(what: string, problem: string): QueueError {
  return new QueueError("PAYLOAD_TOO_LARGE", `The ${what} ${problem}`);
}

export function overCap(cap: number): string {
  return `is over ${cap.toLocaleString("en")} bytes. Send a reference, or raise the message's \`limits\`.`;
}

/** Whether an object is a literal or came from `JSON.parse`, also in another realm. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function limitExceeded(code: ErrorCode, what: string, value: unknown, problem: string): QueueError {
  const path = findCycle(value);
  return path === undefined ? tooLarge(what, problem) : circular(code, what, path);
}

/** Members that the search for a cycle visits: a value over its cap may be huge. */
const MAX_VISITED = 100_000;

/** The dotted path of the first reference back to an ancestor. */
function findCycle(root: unknown): string | undefined {
  const ancestors = new Set<unknown>();
  const done = new Set<unknown>();
  let visited = 0;
  const search = (node: unknown, path: string): string | undefined => {
    if (typeof node !== "object" || node === null || done.has(node)) return undefined;
    if (ancestors.has(node)) return path.slice(1);
    if (ancestors.size > MAX_DEPTH || !(Array.isArray(node) || isPlain(node))) return undefined;
    ancestors.add(node);
    const keys = Array.isArray(node) ? node.keys() : Object.keys(node);
    for (const key of keys) {
      if (++visited > MAX_VISITED) break;
      const found = search((node as Record<PropertyKey, unknown>)[key], `${path}.${key}`);
      if (found !== undefined) return found;
    }
    ancestors.delete(node);
    done.add(node);
    return undefined;
  };
  return search(root, "");
}

function circular(code: ErrorCode, what: string, path: string): QueueError {
  const issue: Issue = { path, message: "is circular: it is an object that it is inside of" };
  return new QueueError(
    code,
    `The ${what} is circular: ${path} leads back to an object that it is inside of.`,
    {
      issues: [issue],
    },
  );
}

function forbiddenKey(code: ErrorCode, what: string, path: string): QueueError {
  const issue: Issue = { path, message: "the key __proto__ is not allowed" };
  return new QueueError(code, `The ${what} has the key ${path}, which is not allowed.`, {
    issues: [issue],
  });
}
