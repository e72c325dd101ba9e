import { isQueueError } from "../errors/queue-error.ts";
import { messageOf } from "../errors/thrown.ts";
import { discardPromise } from "../logging/callback-guard.ts";
import { findJsonLosses } from "./json-fidelity.ts";
import { assertWithinLimits } from "./limits.ts";
import type { Message, MessagePart } from "./message.ts";
import { formatIssues, type MaybePromise, type Parsed, type Schema } from "./schema.ts";
import { findAtPath, type PathTarget } from "./schema-paths.ts";
import { findWireProblems } from "./wire-safety.ts";
import { isZod, walkZod } from "./zod-nodes.ts";

const PARTS: readonly MessagePart[] = ["data", "result", "progress"];

/**
 * Everything that is wrong with a message. Looks into its schemas, so it comes after the definition: parts of a
 * recursive schema may be declared after the message.
 */
export function findProblems(message: Message): readonly string[] {
  return [
    ...message.problems,
    ...PARTS.flatMap((part) => (message[part] ? findWireProblems(part, message[part]) : [])),
    ...PARTS.flatMap((part) => message.sensitive[part].flatMap((path) => sensitive(message, part, path))),
    ...message.searchable.flatMap((path, index) => searchable(message, path, index)),
    ...message.examples.flatMap((_, index) => {
      if (hasAsyncChecks(message.data)) return [];
      const problems = checkExample(message, index);
      return discardPromise(problems) ? [] : (problems as readonly string[]);
    }),
  ];
}

function sensitive(message: Message, part: MessagePart, path: string): readonly string[] {
  const problem = (text: string) => [`sensitive.${part}: ${text}`];
  if (!message[part]) return problem(`the message has no ${part}`);
  const { kind, codec } = targetOf(message, part, path);
  if (kind === "missing") return problem(`the schema of ${part} has no "${path}"`);
  if (codec === undefined) return [];
  // Its app side may have other members, which the path would miss.
  const whole = codec === "" ? `${part}: true` : `"${codec}"`;
  return problem(`"${path}" leads into a codec; use ${whole} to cover all of it`);
}

function searchable(message: Message, path: string, index: number): readonly string[] {
  const problem = (text: string) => [`searchable.${index}: ${text}`];
  if (message.searchable.indexOf(path) < index) return problem(`"${path}" is already in the list`);
  const hidden = message.sensitive.data.find((other) => overlaps(path, other));
  if (hidden !== undefined) {
    return problem(
      `"${path}" is sensitive, and the values of searchable paths are visible; remove one of the two`,
    );
  }
  const { kind } = targetOf(message, "data", path);
  if (kind === "missing") return problem(`the schema of data has no "${path}"`);
  if (kind !== "other") return [];
  return problem(`"${path}" must be a string, number, boolean, bigint, date or enum, not an object or array`);
}

/** `unknown` of schemas that can't be looked into: those of other libraries, and those that `findWireProblems` reports. */
function targetOf(message: Message, part: MessagePart, path: string): PathTarget {
  const schema = message[part];
  try {
    if (schema && isZod(schema)) return findAtPath(schema, path);
  } catch {}
  return { kind: "unknown" };
}

/** Whether one path leads to the other, or to a part of it. */
function overlaps(path: string, sensitivePath: string): boolean {
  if (sensitivePath === "") return true;
  const segments = path.split(".");
  return sensitivePath.split(".").every((other, index) => {
    const segment = segments[index] ?? other;
    return other === "*" || other === segment;
  });
}

/** They may call a server, and a registry is created wherever it is imported. */
function hasAsyncChecks(schema: Schema): boolean {
  let found = false;
  try {
    walkZod(schema, "", ({ definition: { fn, transform, reverseTransform } }) => {
      found ||= [fn, transform, reverseTransform].some(isAsyncFunction);
      return undefined;
    });
  } catch {
    return true;
  }
  return found;
}

function isAsyncFunction(value: unknown): boolean {
  return typeof value === "function" && Object.prototype.toString.call(value) === "[object AsyncFunction]";
}

/** What is wrong with an example. A promise only if the data's schema has asynchronous checks. */
export function checkExample(message: Message, index: number): MaybePromise<readonly string[]> {
  const example = message.examples[index];
  const toProblems = (parsed: Parsed) =>
    parsed.ok ? [] : [`examples.${index}: ${formatIssues(parsed.issues)}`];
  try {
    assertWithinLimits("example", example, message.limits.data);
    const losses = findJsonLosses(example);
    const parsed =
      losses.length > 0 ? ({ ok: false, issues: losses } as const) : message.codecs.data.decode(example);
    return parsed instanceof Promise ? parsed.then(toProblems) : toProblems(parsed);
  } catch (error) {
    if (!isQueueError(error)) throw error;
    return [`examples.${index}: ${messageOf(error)}`];
  }
}
