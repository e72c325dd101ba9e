import type { EventFilter } from "../../engine/events.ts";
import type { FailureGroupKey } from "../../engine/failure-groups.ts";
import type { Dependency, NewJob, Retention } from "../../engine/job.ts";
import type { JobFilter } from "../../engine/job-filter.ts";
import { newJob, retain } from "../conformance/new-job.ts";
import type { DependencyDraft, EventFilterDraft, FilterDraft, JobDraft } from "./command.ts";
import { engineText, payloadText } from "./hostile-input.ts";

const RETENTION: Readonly<Record<JobDraft["retain"], Retention>> = {
  long: retain({}),
  few: retain({ completed: { count: 2 }, failed: { count: 1 } }),
  short: retain({ completed: { age: 100 }, failed: { age: 100 } }),
  none: retain({ completed: { count: 0 }, failed: { count: 0 } }),
};

/** The job that a draft describes. `resolve` returns the id of a dependency, or nothing if there is no such job. */
export function toNewJob(
  draft: JobDraft,
  id: string,
  resolve: (dependency: DependencyDraft) => string | undefined,
): NewJob {
  const dependsOn = draft.dependsOn.flatMap((dependency): readonly Dependency[] => {
    const job = resolve(dependency);
    return job === undefined ? [] : [{ job, onFailure: dependency.onFailure }];
  });
  return newJob({
    id,
    data: payloadText(id),
    envelope:
      id.length % 2 === 0
        ? {}
        : { userId: engineText(draft.queue), metadata: JSON.stringify({ [engineText(1)]: id }) },
    queue: queueName(draft.queue),
    messageType: messageName(draft.messageType),
    priority: draft.priority,
    delay: draft.delay,
    maxStalls: draft.maxStalls,
    retain: RETENTION[draft.retain],
    dependsOn,
    ...(draft.search !== null && { search: searchOf(draft.search) }),
    ...(draft.ordering && {
      orderingKey: engineText(draft.ordering.key),
      onOrderingFailure: draft.ordering.onFailure,
    }),
    ...(draft.dedupe && { dedupe: { key: engineText(draft.dedupe.key), window: draft.dedupe.window } }),
  });
}

const SEARCH_FIELD = "tenant";

/** An even number has a value, an odd one has none. */
function searchOf(index: number): Readonly<Record<string, string | null>> {
  return { [SEARCH_FIELD]: index % 2 === 0 ? engineText(index) : null };
}

export function queueName(index: number): string {
  return `queue-${index}`;
}

export function errorOf(type: string): string {
  return JSON.stringify({
    code: "HANDLER_FAILED",
    message: `the session chose to ${type}: ${engineText(1)}`,
  });
}

export function groupOf(index: number): FailureGroupKey {
  const frame = index % 2 === 0 ? {} : { frame: engineText(index) };
  return { fingerprint: `group-${index}`, code: "HANDLER_FAILED", title: engineText(index), ...frame };
}

export function messageName(index: number): string {
  return `MESSAGE_${index}`;
}

/** The filter that a draft describes. */
export function toJobFilter(draft: FilterDraft): JobFilter {
  const { queue, states, messageType, user, ordering, hasEnded, search } = draft;
  return {
    ...(queue !== null && { queues: [queueName(queue)] }),
    ...(states !== null && { states }),
    ...(messageType !== null && { messages: [messageName(messageType)] }),
    ...(user !== null && { userId: engineText(user) }),
    ...(ordering !== null && { orderingKey: engineText(ordering) }),
    ...(hasEnded && { finishedFrom: 0 }),
    ...(search !== null && {
      search: { message: messageName(messageType ?? 0), values: { [SEARCH_FIELD]: engineText(search) } },
    }),
  };
}

/** The filter of events that a draft describes, of these jobs. */
export function toEventFilter(
  { types, queues, messages, detail }: EventFilterDraft,
  jobs: readonly string[] | null,
): EventFilter {
  return {
    ...(types !== null && { types }),
    ...(queues !== null && { queues: queues.map(queueName) }),
    ...(messages !== null && { messages: messages.map(messageName) }),
    ...(jobs !== null && { jobs: jobs.map((id) => ({ id })) }),
    detail,
  };
}
