import type { JobState } from "./state-machine.ts";

/**
 * Characters of the first error's message that travel down a cascade.
 *
 * @public The redis scripts import it.
 */
export const MAX_ROOT_TEXT = 200;

const INHERITED =
  /^\{"code":"DEPENDENCY_FAILED","message":"The job \S+ that this one depends on [ a-z]+\.( Root .*)$/s;
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
  const inherited = error?.match(INHERITED)?.[1];
  if (inherited !== undefined) return inherited;
  const name = ` Root cause: job ${id} (${messageType})`;
  const root = `","root":{"id":"${id}","messageType":"${messageType}"`;
  const [start, code] = error?.match(CODE_AND_MESSAGE) ?? [];
  if (start === undefined) return `${name}.${root}}}`;
  return `${name}, ${code}: ${cutMessage(error!, start.length)}${root},"code":"${code}"}}`;
}

/** The error of a job that is cancelled because of one it depends on. No `tail`: only a tombstone is left of that one. */
export function dependencyFailed(id: string, state: JobState, tail = '"}'): string {
  const how = state === "failed" ? "failed" : "was cancelled";
  return `{"code":"DEPENDENCY_FAILED","message":"The job ${id} that this one depends on ${how}.${tail}`;
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
