import type { Message } from "../../contract/message.ts";
import { describeValue } from "../../errors/describe-value.ts";
import { QueueError } from "../../errors/queue-error.ts";
import { shorten } from "../../errors/shorten.ts";
import type { FailureGroup, FailureGroupList, FailureGroupsOptions } from "../read/failure-groups.ts";
import type { JobFilterOptions } from "../read/job-filter.ts";
import type { JobQuery } from "./parse-query.ts";

/** What reads failure groups: a queue. */
interface FailureGroupReader {
  failureGroups(options?: FailureGroupsOptions): Promise<FailureGroupList>;
}

/** Groups that an error lists. */
const MAX_LISTED = 10;

/**
 * The filter of a query, with the failure group that its `error:` names: by the beginning of its fingerprint, or a part
 * of its code or text in upper or lower case.
 *
 * @throws {QueueError} `INVALID_OPTIONS` if there is no such group, or if there are several, which it lists.
 *
 * @example
 * const query = parseJobQuery("error:ECONNRESET", { registry, now: Date.now() });
 * const { jobs } = await queue.list(await resolveJobQuery(queue, query));
 */
export async function resolveJobQuery<M extends Message>(
  queue: FailureGroupReader,
  { filter, errorText }: JobQuery<M>,
): Promise<JobFilterOptions<M>> {
  if (errorText === undefined) return filter;
  const groups = await matchingGroups(queue, filter as JobFilterOptions, errorText);
  const [group, ...others] = groups;
  if (!group) {
    throw new QueueError(
      "INVALID_OPTIONS",
      `No failure group${filter.message === undefined && filter.queue === undefined ? "" : " of these messages and queues"} has ` +
        `${describeValue(errorText)} in its code or text. Read the groups with \`failureGroups()\`.`,
    );
  }
  if (others.length > 0) throw ambiguous(errorText, groups);
  return { ...filter, failureGroup: group.fingerprint };
}

async function matchingGroups(
  queue: FailureGroupReader,
  { message, queue: queues }: JobFilterOptions,
  errorText: string,
): Promise<readonly FailureGroup[]> {
  const messages =
    message === undefined
      ? undefined
      : [message].flat().map((one) => (typeof one === "string" ? one : one.name));
  const wanted = errorText.toLowerCase();
  const found = new Map<string, FailureGroup>();
  let cursor: string | undefined;
  do {
    const page = await queue.failureGroups({
      limit: 100,
      ...(messages?.length === 1 && { message: messages[0] }),
      ...(typeof queues === "string" && { queue: queues }),
      cursor,
    });
    for (const group of page.groups) {
      if (group.fingerprint === errorText) return [group];
      const { fingerprint, messageType, code, title } = group;
      if (messages && !messages.includes(messageType)) continue;
      if (Array.isArray(queues) && !queues.includes(group.queue)) continue;
      const isMeant =
        fingerprint.startsWith(wanted) ||
        code.toLowerCase().includes(wanted) ||
        title.toLowerCase().includes(wanted);
      if (isMeant) found.set(fingerprint, group);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return [...found.values()];
}

function ambiguous(errorText: string, groups: readonly FailureGroup[]): QueueError {
  const lines = groups
    .slice(0, MAX_LISTED)
    .map(
      ({ fingerprint, messageType, code, title, failed, retried }) =>
        `\n  error:${fingerprint}  ${(failed + retried).toLocaleString("en")} × ${messageType} ${code}: ${shorten(title, 80)}`,
    );
  const more = groups.length > MAX_LISTED ? `\n  and ${groups.length - MAX_LISTED} more` : "";
  return new QueueError(
    "INVALID_OPTIONS",
    `${describeValue(errorText)} is in ${groups.length} failure groups. Choose one by its fingerprint:${lines.join("")}${more}`,
  );
}
