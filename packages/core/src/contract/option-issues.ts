import type * as z from "zod/mini";
import { describeValue, describeWithoutText } from "../errors/describe-value.ts";
import type { Issue } from "../errors/queue-error.ts";
import { shorten } from "../errors/shorten.ts";
import { closestName } from "./closest-name.ts";

/** Problems listed for one value. */
const MAX_ISSUES = 20;
/** Unknown names listed. */
const MAX_NAMES = 5;

/**
 * Params of a custom check whose error may quote the refused text. Without them only its type is named: where an
 * object is expected, text may be an address with a password in it.
 */
export const SHOWN = { showsText: true };

/** Parse parameters for options: our messages, and issues that carry the refused value. */
export const ISSUE_CONTEXT = { error: messageOfIssue, reportInput: true };

export function toIssues(error: z.core.$ZodError): Issue[] {
  const issues = error.issues.slice(0, MAX_ISSUES).map(toIssue);
  const more = andMore(error.issues, MAX_ISSUES);
  if (more) issues.push({ path: "", message: more.trim() });
  return issues;
}

function toIssue(issue: z.core.$ZodIssue): Issue {
  return {
    path: issue.path.map((part) => shorten(String(part), 60)).join("."),
    message: /^(expected|must) /.test(issue.message)
      ? `${issue.message}, got ${(showsText(issue) ? describeValue : describeWithoutText)(issue.input)}`
      : issue.message,
  };
}

function showsText(issue: z.core.$ZodIssue): boolean {
  if (issue.code === "custom") return issue.params === SHOWN;
  return issue.code !== "invalid_type" || !/object|record|array/.test(issue.expected);
}

/** zod/mini has no messages unless a locale is loaded. These are the issues that options can have. */
function messageOfIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.expected === "object") return messageOfObject(issue.inst as Partial<z.ZodMiniObject>);
      return `expected ${issue.expected === "int" ? "a whole number" : issue.expected}`;
    case "unrecognized_keys":
      return messageOfUnknown(issue.keys, issue.inst as z.ZodMiniObject);
    case "invalid_value":
      return `expected one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "invalid_format":
      return `must match ${issue.pattern}`;
    case "too_small":
      return messageOfBound(issue.origin, "least", issue.minimum);
    case "too_big":
      return messageOfBound(issue.origin, "most", issue.maximum);
    case "invalid_key":
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function messageOfBound(origin: string, at: "least" | "most", bound: number | bigint): string {
  return `must ${/string|array/.test(origin) ? "have a length of" : "be"} at ${at} ${bound}`;
}

/** `expected an object: { id?, userId?, metadata?, delay?, priority?, … }` */
function messageOfObject({ shape = {} }: Partial<z.ZodMiniObject>): string {
  const members = Object.entries(shape).map(
    ([name, { _zod }]) => name + (_zod.optin === "optional" ? "?" : ""),
  );
  if (members.length === 0) return "expected an object";
  const listed = members.length > MAX_NAMES ? [...members.slice(0, MAX_NAMES), "…"] : members;
  return `expected an object: { ${listed.join(", ")} }`;
}

/** `unknown option "prio" (did you mean "priority"?): the options are id, priority` */
function messageOfUnknown(unknown: readonly string[], schema: z.ZodMiniObject): string {
  const names = Object.keys(schema.shape);
  const listed = unknown.slice(0, MAX_NAMES).map((name) => {
    const close = closestName(name, names);
    return describeValue(name) + (close ? ` (did you mean "${close}"?)` : "");
  });
  return `unknown option ${listed.join(", ")}${andMore(unknown, MAX_NAMES)}: the options are ${names.join(", ")}`;
}

function andMore({ length }: readonly unknown[], listed: number): string {
  return length > listed ? ` and ${(length - listed).toLocaleString("en")} more` : "";
}
