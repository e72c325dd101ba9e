import type { Message } from "../../contract/message.ts";
import { describeValue } from "../../errors/describe-value.ts";
import { QueueError } from "../../errors/queue-error.ts";
import type { JobFilterOptions } from "../read/job-filter.ts";
import { quoteName, quoteValue } from "./conditions.ts";
import { DATA_PREFIX } from "./qualifiers.ts";
import { formatBounds } from "./query-times.ts";

/**
 * A filter as text that `parseJobQuery` reads as the same filter: messages by name, and times as instants in whole
 * milliseconds.
 *
 * @throws {QueueError} `INVALID_OPTIONS` for a filter that has no text, such as an empty list.
 *
 * @example
 * console.log(formatJobQuery({ state: "failed", orderingKey: "plan 9" })); // → state:failed key:"plan 9"
 */
export function formatJobQuery<M extends Message>(
  filter: JobFilterOptions<M>,
  { errorText }: { readonly errorText?: string | undefined } = {},
): string {
  const {
    state,
    queue,
    message,
    userId,
    orderingKey,
    failureGroup,
    search = {},
  } = filter as JobFilterOptions;
  const names = [message ?? []].flat().map((one) => (typeof one === "string" ? one : one.name));
  const conditions = [
    list("state", state),
    list("message", message && names),
    list("queue", queue),
    list("user", userId),
    list("key", orderingKey),
    list("error", failureGroup ?? errorText),
    times("sent", filter.sentFrom, filter.sentTo),
    times("finished", filter.finishedFrom, filter.finishedTo),
    ...Object.entries(search).map(([path, value]) =>
      list(DATA_PREFIX + path, value === undefined ? value : textOf(value)),
    ),
  ];
  return conditions.filter((condition) => condition !== undefined).join(" ");
}

function list(name: string, value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  const values = [value].flat();
  if (values.length === 0)
    throw new QueueError("INVALID_OPTIONS", `formatJobQuery: an empty list of ${name} selects no job.`);
  return `${quoteName(name)}:${values.map(quoteValue).join(",")}`;
}

function times(
  name: string,
  from: Date | number | undefined,
  to: Date | number | undefined,
): string | undefined {
  if (from === undefined && to === undefined) return undefined;
  try {
    return `${name}:${formatBounds(from, to)}`;
  } catch (cause) {
    const shown = [from, to].map(describeValue).join(" to ");
    throw new QueueError("INVALID_OPTIONS", `formatJobQuery: ${name} from ${shown} isn't a range of dates.`, {
      cause,
    });
  }
}

function textOf(value: string | number | boolean | bigint | Date): string {
  if (!(value instanceof Date)) return String(value);
  if (!Number.isNaN(value.getTime())) return value.toISOString();
  throw new QueueError("INVALID_OPTIONS", "formatJobQuery: the search has an invalid date.");
}
