import {
  isQueueError,
  JOB_QUERY_QUALIFIERS,
  type JobFilterOptions,
  JobQueryError,
  parseJobQuery,
  type Queue,
  resolveJobQuery,
} from "@org/queue";
import { CommandError, EXIT_CODES } from "../exit-codes.ts";
import { oneLine, safeLines, widthOf } from "./output/text.ts";
import { shellLine } from "./shell-line.ts";

/** The part of a command's help that explains queries. */
export const QUERY_HELP: string = [
  "A QUERY is conditions that must all hold; of values with commas, one must:",
  ...JOB_QUERY_QUALIFIERS.map(({ example, what }) => `  ${example.padEnd(32)} ${what}`),
  "Days and times are UTC. A shell reads < and >: put such a condition in quotes",
  "('sent:<2h'), or write a range: sent:2h.. is the last two hours, and",
  "sent:..2026-11-29 is all until the end of that day.",
].join("\n");

/**
 * The filter that the words of a command line select. With no words: all jobs.
 *
 * @throws {CommandError} with `EXIT_CODES.USAGE` and the place in the query.
 */
export async function readQuery(words: readonly string[], queue: Queue): Promise<JobFilterOptions> {
  const text = queryText(words);
  try {
    return await resolveJobQuery(queue, parseJobQuery(text, { registry: queue.registry, now: Date.now() }));
  } catch (error) {
    if (!isQueueError(error, "INVALID_OPTIONS")) throw error;
    throw new CommandError(describe(error, text), EXIT_CODES.USAGE, { cause: error });
  }
}

/** What to say of a filter that no job matches. A name that the registry doesn't have may be misspelt, or another app's. */
export function noneText({ registry }: Pick<Queue, "registry">, { message = [] }: JobFilterOptions): string {
  const names = [message].flat().map((one) => (typeof one === "string" ? one : one.name));
  const unknown = names.filter((name) => !registry.get(name));
  return ["No job matches.", ...(unknown.length > 0 ? [unknownText(unknown)] : [])].join(" ");
}

/** A hint for names of messages that the registry doesn't have. */
export function unknownText(names: readonly string[]): string {
  return `The registry has no message ${names.map((name) => oneLine(name)).join(" or ")}: check the spelling.`;
}

/** The error of a call with a cursor, as one of the command line if the cursor is what is wrong. */
export function usageOfCursor(error: unknown, cursor: string | undefined): unknown {
  if (cursor === undefined || !isQueueError(error, "INVALID_OPTIONS") || !/\bcursor\b/.test(error.message))
    return error;
  return new CommandError(
    `--cursor ${oneLine(cursor)} doesn't belong to this query. Repeat the command that was printed with it, or leave it out to ` +
      "begin anew.",
    EXIT_CODES.USAGE,
    { cause: error },
  );
}

/**
 * Words of a command line as one query. A shell takes the quotes from `key:"plan 9"`; a word with spaces gets them
 * back, unless it is several conditions.
 */
export function queryText(words: readonly string[]): string {
  return words.map(requote).join(" ");
}

function requote(word: string): string {
  const [, name, value] = /^([^\s:"]+):([^"]*\s[^"]*)$/.exec(word) ?? [];
  if (name === undefined || value === undefined) return word;
  const isQuery = value
    .trim()
    .split(/\s+/)
    .slice(1)
    .every((part) => isCondition(part));
  return isQuery ? word : `${name}:${JSON.stringify(value)}`;
}

function isCondition(word: string): boolean {
  const name = /^([^:]+):./.exec(word)?.[1]?.toLowerCase();
  return (
    name !== undefined &&
    (name.startsWith("data.") || JOB_QUERY_QUALIFIERS.some((each) => each.name === name))
  );
}

function describe(error: Error, text: string): string {
  if (!(error instanceof JobQueryError)) {
    const message = error.message.replace(
      "Read the groups with `failureGroups()`.",
      "See the groups: queue failures",
    );
    return safeLines(message).join("\n");
  }
  const before = oneLine(text.slice(0, error.position));
  const shown = `${before}${oneLine(text.slice(error.position))}`;
  const hint = /^[A-Za-z0-9_.-]{8,}$/.test(text) ? ` To see one job: ${shellLine("job", [text], {})}` : "";
  const place = widthOf(shown) > 200 ? "" : `\n  ${shown}\n  ${" ".repeat(widthOf(before))}^`;
  return `${error.message}${hint}${place}`;
}
