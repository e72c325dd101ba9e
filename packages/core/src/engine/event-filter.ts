import type { EngineEvent, EventFilter, EventSelector, EventType } from "./events.ts";

/** States of a job that waits for a worker. */
const WAITING: ReadonlySet<EventType> = new Set(["queued", "scheduled", "blocked"]);

/** The types by which a filter can select an event. */
function selectorsOf(type: EventType, epoch: number): readonly EventSelector[] {
  return epoch > 0 && WAITING.has(type) ? [type, "requeued"] : [type];
}

/** Whether a filter selects an event, for many events. Ids are taken to be unique in all queues. */
export function createEventFilter(filter: EventFilter): (event: EngineEvent) => boolean {
  const [types, queues, messages] = [filter.types, filter.queues, filter.messages].map(
    (list) => list && new Set<string>(list),
  );
  const jobs = filter.jobs && new Set(filter.jobs.map((key) => key.id));
  return ({ type, epoch, queue, messageType, id }) =>
    (!types || selectorsOf(type, epoch).some((selector) => types.has(selector))) &&
    (!queues || queues.has(queue)) &&
    (!messages || messages.has(messageType)) &&
    (!jobs || jobs.has(id));
}

/** Whether a filter can select anything at all. */
export function selectsNothing({ types, queues, messages, jobs }: EventFilter): boolean {
  return [types, queues, messages, jobs].some((list) => list?.length === 0);
}

/** The event as subscribers without `detail` get it. */
export function withoutDetail(event: EngineEvent): EngineEvent {
  const { progress: _, ending: __, ...plain } = event;
  return plain;
}
