import * as z from "zod/mini";
import { type Issue, QueueError } from "../errors/queue-error.ts";
import { type Duration, MAX_DURATION, parseDuration } from "./duration.ts";
import { formatIssues } from "./schema.ts";

/** An option that takes a `Duration` and holds milliseconds. */
export function duration({ min = 0, max = MAX_DURATION }: { min?: number; max?: number } = {}) {
  const inRange = (value: unknown) => {
    const milliseconds = parseDuration(value);
    return milliseconds !== undefined && milliseconds >= min && milliseconds <= max;
  };
  return z.pipe(
    z.custom<Duration>(
      inRange,
      `expected milliseconds, or text like "500ms", "15m", "7d", from ${min} ms to ${max} ms`,
    ),
    z.transform((value) => parseDuration(value)!),
  );
}

/** Validates options once, refusing unknown keys, and answers them frozen with their defaults. */
export function parseOptions<S extends z.ZodMiniType>(
  what: string,
  schema: S,
  options: unknown,
): z.output<S> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return Object.freeze(parsed.data) as z.output<S>;
  const issues = toIssues(parsed.error);
  throw new QueueError("INVALID_OPTIONS", `${what}: ${formatIssues(issues)}`, { issues });
}

export function formatOptionProblems(error: z.core.$ZodError): string[] {
  return toIssues(error).map((issue) => formatIssues([issue]));
}

function toIssues(error: z.core.$ZodError): Issue[] {
  return error.issues.map((issue) => ({ path: issue.path.map(String).join("."), message: describe(issue) }));
}

/** zod/mini ships no messages unless a locale is loaded, so the kinds that options meet are worded here. */
function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${issue.expected}`;
    case "unrecognized_keys":
      return `unknown option ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
    case "invalid_value":
      return `expected one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "too_small":
      return `must be at least ${issue.minimum}`;
    case "too_big":
      return `must be at most ${issue.maximum}`;
    case "invalid_key":
      return issue.issues[0]?.message ?? "has an invalid key";
    default:
      return issue.message;
  }
}
