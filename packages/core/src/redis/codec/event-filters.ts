import type { EventFilter } from "../../engine/events.ts";

/** Distinct filters of one namespace. Every step that has events looks at all of them. */
export const MAX_FILTERS = 100;

/** The filter that selects every event, with detail. What a filter beyond the limit uses instead. */
export const EVERYTHING = "d|||";

/** A filter as `lua/lib/events.lua` reads it, apart from its jobs. The same filter always has the same text. */
export function filterText({ detail, types, queues, messages }: EventFilter): string {
  return [detail ? "d" : "", listText(types), listText(queues), listText(messages)].join("|");
}

/** What subscribers ask for of one job, in the same form. */
export function requestText(filters: Iterable<EventFilter>): string {
  const all = [...filters];
  const types = all.every((filter) => filter.types) ? all.flatMap((filter) => filter.types!) : undefined;
  return `${all.some(({ detail }) => detail) ? "d" : ""}|${listText(types)}`;
}

function listText(names: readonly string[] | undefined): string {
  return names === undefined ? "" : `,${[...new Set(names)].sort().join(",")},`;
}
