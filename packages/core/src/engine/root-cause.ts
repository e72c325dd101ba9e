import type { JobState } from "./state-machine.ts";

/**
 * Characters of the first error's message that travel down a cascade.
 *
 * @public The redis scripts import it.
 */
export const MAX_ROOT_TEXT = 200;

// The texts of these errors. `%s` stands for a value.

/** @public The redis scripts import it. */
export const DEPENDENCY_FAILED_START = '{"code":"DEPENDENCY_FAILED","message":"The job ';
/** After the id of the dependency: how it ended. @public The redis scripts import it. */
export const DEPENDENCY_FAILED_END = " that this one depends on %s.";
/** @public The redis scripts import it. */
export const HAS_FAILED = "failed";
/** @public The redis scripts import it. */
export const WAS_CANCELLED = "was cancelled";
/** @public The redis scripts import it. */
export const ROOT_CAUSE_START = " Root cause: job ";
/** After that: id, message, code, text, id, message, code. @public The redis scripts import it. */
export const ROOT_CAUSE_END = '%s (%s), %s: %s","root":{"id":"%s","messageType":"%s","code":"%s"}}';
/** The same of an error without a code: id, message, id, message. @public The redis scripts import it. */
export const CODELESS_ROOT_CAUSE_END = '%s (%s).","root":{"id":"%s","messageType":"%s"}}';

const CODE_AND_MESSAGE = /^\{"code":"([^"\\]*)","message":"/;
/** One character of a JSON string, as it is written there. */
const CHARACTER = /\\u[0-9a-fA-F]{4}|\\[^u]|[^"\\]/uy;
/** `JSON.stringify` writes half a surrogate pair so, and whole ones as they are. */
const HALF_PAIR = /\\u[dD][89a-fA-F][0-9a-fA-F]{2}/g;

export interface EndedJob {
  readonly id: string;
  readonly messageType: string;
  /** JSON text, its members `code` and `message` first; any other is passed over. */
  readonly error: string | undefined;
}

/**
 * How the error ends of a job that is cancelled because of this one: the id, message, code and at most 200 characters
 * of the text of the first job that failed or was cancelled. Works on the JSON texts, as the scripts of the redis
 * engine do, which must come to the same.
 */
export function rootCauseTail({ id, messageType, error }: EndedJob): string {
  const inherited = error?.startsWith(DEPENDENCY_FAILED_START) ? error.indexOf(ROOT_CAUSE_START) : -1;
  if (inherited >= 0) return error!.slice(inherited);
  const [start, code] = error?.match(CODE_AND_MESSAGE) ?? [];
  if (start === undefined || code === undefined)
    return ROOT_CAUSE_START + fill(CODELESS_ROOT_CAUSE_END, id, messageType, id, messageType);
  const text = cutMessage(error!, start.length);
  return ROOT_CAUSE_START + fill(ROOT_CAUSE_END, id, messageType, code, text, id, messageType, code);
}

/** The error of a job that is cancelled because of one it depends on. No `tail`: only a tombstone is left of that one. */
export function dependencyFailed(id: string, state: JobState, tail = '"}'): string {
  const how = fill(DEPENDENCY_FAILED_END, state === "failed" ? HAS_FAILED : WAS_CANCELLED);
  return DEPENDENCY_FAILED_START + id + how + tail;
}

/** The format with each `%s` replaced, as Lua's `string.format` does it. */
function fill(format: string, ...values: readonly string[]): string {
  const parts = format.split("%s");
  return parts.map((part, index) => part + (values[index] ?? "")).join("");
}

function cutMessage(error: string, at: number): string {
  const characters: string[] = [];
  let end = at;
  CHARACTER.lastIndex = at;
  for (
    let found = CHARACTER.exec(error);
    found && characters.length < MAX_ROOT_TEXT;
    found = CHARACTER.exec(error)
  ) {
    characters.push(found[0]);
    end = CHARACTER.lastIndex;
  }
  const isWhole = error[end] === '"';
  const text = isWhole ? characters.join("") : `${characters.slice(0, MAX_ROOT_TEXT - 1).join("")}…`;
  return text.replace(HALF_PAIR, "\\ufffd");
}
