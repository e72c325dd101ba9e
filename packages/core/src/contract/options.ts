import * as z from "zod/mini";
import { type Issue, QueueError } from "../errors/queue-error.ts";
import { shorten } from "../errors/shorten.ts";
import { messageOf } from "../errors/thrown.ts";
import { type Duration, MAX_DURATION, parseDuration } from "./duration.ts";
import { ISSUE_CONTEXT, SHOWN, toIssues } from "./option-issues.ts";
import { formatIssues } from "./schema.ts";

/** An option that takes a `Duration` and holds milliseconds. */
export function duration({ min = 0, max = MAX_DURATION }: { min?: number; max?: number } = {}) {
  const inRange = (value: unknown) => {
    const milliseconds = parseDuration(value);
    return milliseconds !== undefined && milliseconds >= min && milliseconds <= max;
  };
  return z.pipe(
    z.custom<Duration>(inRange, {
      error: `expected milliseconds, or text like "500ms", "15m", "7d", from ${min} ms to ${max} ms`,
      params: SHOWN,
    }),
    z.transform((value) => parseDuration(value)!),
  );
}

/** Validates options, refuses unknown keys, and returns them frozen with their defaults. */
export function parseOptions<S extends z.ZodMiniType>(
  what: string,
  schema: S,
  options: unknown,
): z.output<S> {
  const checked = checkOptions(schema, options);
  if (checked.ok) return Object.freeze(checked.value) as z.output<S>;
  const { issues, cause } = checked;
  throw new QueueError("INVALID_OPTIONS", `${what}: ${formatIssues(issues)}`, { issues, cause });
}

type CheckedOptions<S extends z.ZodMiniType> =
  | { readonly ok: true; readonly value: z.output<S> }
  | {
      readonly ok: false;
      readonly issues: readonly Issue[];
      /** What reading the options threw. */
      readonly cause?: unknown;
    };

/** Like `parseOptions`, but returns the issues instead of throwing, and doesn't freeze. */
export function checkOptions<S extends z.ZodMiniType>(schema: S, options: unknown): CheckedOptions<S> {
  try {
    const parsed = schema.safeParse(options, ISSUE_CONTEXT);
    return parsed.success ? { ok: true, value: parsed.data } : { ok: false, issues: toIssues(parsed.error) };
  } catch (cause) {
    const message = `the options can't be read: ${shorten(messageOf(cause), 200)}`;
    return { ok: false, issues: [{ path: "", message }], cause };
  }
}
