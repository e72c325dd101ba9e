import type { TopModel } from "./model.ts";

export const PANELS = ["queues", "workers", "running", "failures"] as const;
export type PanelName = (typeof PANELS)[number];

/** What changes something, once it is confirmed. */
export type Change =
  | { readonly kind: "pause" | "resume"; readonly queue: string }
  | { readonly kind: "retry"; readonly id: string };

export interface Notice {
  readonly text: string;
  readonly isError: boolean;
}

/** The chosen row: followed by its id, and by its place once it is gone. `id` is absent at the top. */
export interface Selection {
  readonly id?: string;
  readonly index: number;
}

/** What a user has chosen to see. */
export interface TopView {
  readonly focus: PanelName;
  readonly selections: Readonly<Record<PanelName, Selection>>;
  /** Queues by name, or the longest line first. */
  readonly sort: "name" | "waiting";
  /** A page over the panels. */
  readonly page?:
    | { readonly kind: "help"; readonly scroll: number }
    | { readonly kind: "job"; readonly id: string; readonly scroll: number };
  readonly question?: Change;
  readonly notice?: Notice;
}

export const INITIAL_VIEW: TopView = {
  focus: "queues",
  selections: { queues: { index: 0 }, workers: { index: 0 }, running: { index: 0 }, failures: { index: 0 } },
  sort: "name",
};

export function sortedQueues({ queues }: TopModel, { sort }: TopView): TopModel["queues"] {
  if (sort === "name") return queues;
  return queues.toSorted((a, b) => b.states.queued - a.states.queued);
}

/** The ids of a panel's rows, in their order. */
export function rowIds(model: TopModel, view: TopView, panel: PanelName): readonly string[] {
  if (panel === "queues") return sortedQueues(model, view).map(({ queue }) => queue);
  return model[panel].map(({ id }) => id);
}

/** The place of the chosen row, -1 without rows. */
export function selectedIndex(ids: readonly string[], { id, index }: Selection): number {
  const found = id === undefined ? -1 : ids.indexOf(id);
  return found >= 0 ? found : Math.min(index, ids.length - 1);
}

export function selectedId(model: TopModel, view: TopView): string | undefined {
  const ids = rowIds(model, view, view.focus);
  return ids[selectedIndex(ids, view.selections[view.focus])];
}

export function describeChange(change: Change): string {
  if (change.kind === "retry") return `Retry the job ${change.id}?`;
  return change.kind === "pause"
    ? `Pause the queue ${change.queue}? Running jobs finish, the others wait until it is resumed.`
    : `Resume the queue ${change.queue}?`;
}

export function describeDone(change: Change): string {
  if (change.kind === "retry") return `The job ${change.id} is retried.`;
  return `The queue ${change.queue} is ${change.kind === "pause" ? "paused" : "resumed"}.`;
}
