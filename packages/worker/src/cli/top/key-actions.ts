import type { Key } from "./keys.ts";
import type { TopModel } from "./model.ts";
import { type Change, PANELS, rowIds, selectedId, selectedIndex, type TopView } from "./view.ts";

/** What is left to do after a key, besides showing the new view. */
export type Effect =
  | { readonly kind: "quit" | "suspend" | "redraw" | "read" }
  | { readonly kind: "change"; readonly change: Change };

export interface KeyResult {
  readonly view: TopView;
  readonly effect?: Effect;
}

/** Lines that a page moves by. */
const PAGE = 10;

/** What a key does. A pure function: the screen shows the view, and the session carries out the effect. */
export function pressKey(key: Key, view: TopView, model: TopModel): KeyResult {
  if (key === "ctrl-c") return { view, effect: { kind: "quit" } };
  if (key === "ctrl-z") return { view, effect: { kind: "suspend" } };
  if (key === "ctrl-l") return { view, effect: { kind: "redraw" } };
  const { notice: _, question, ...rest } = view;
  if (question) {
    // Whatever isn't a yes changes nothing.
    return key === "y" || key === "Y"
      ? { view: rest, effect: { kind: "change", change: question } }
      : { view: { ...rest, notice: { text: "Nothing was changed.", isError: false } } };
  }
  return view.page ? onPage(key, { ...rest, page: view.page }) : onPanels(key, rest, model);
}

function onPage(key: Key, view: TopView & { readonly page: NonNullable<TopView["page"]> }): KeyResult {
  const { page, ...panels } = view;
  const by = movement(key);
  // The screen knows where the page ends.
  if (by !== undefined)
    return { view: { ...view, page: { ...page, scroll: Math.max(0, page.scroll + by) } } };
  if (key === "escape" || key === "q" || key === "left" || key === "h" || key === "enter") {
    return { view: panels, effect: { kind: "read" } };
  }
  if (key === "?") return { view: { ...panels, page: { kind: "help", scroll: 0 } } };
  if (key === "r" && page.kind === "job")
    return { view: { ...view, question: { kind: "retry", id: page.id } } };
  return { view };
}

function onPanels(key: Key, view: TopView, model: TopModel): KeyResult {
  if (key === "q") return { view, effect: { kind: "quit" } };
  if (key === "?") return { view: { ...view, page: { kind: "help", scroll: 0 } } };
  const at = PANELS.indexOf(view.focus);
  if (key === "tab" || key === "right" || key === "l") return { view: focus(view, at + 1) };
  if (key === "backtab" || key === "left" || key === "h")
    return { view: focus(view, at + PANELS.length - 1) };
  if (key.length === 1 && "1234".includes(key)) return { view: focus(view, Number(key) - 1) };
  if (key === "s")
    return { view: { ...view, focus: "queues", sort: view.sort === "name" ? "waiting" : "name" } };
  const by = movement(key);
  if (by !== undefined) return { view: move(view, model, by) };
  const id = selectedId(model, view);
  if (key === "enter") return open(view, id);
  if (key === "p") return pause(view, model, id);
  if (key === "r") return retry(view, id);
  return { view };
}

function movement(key: Key): number | undefined {
  if (key === "up" || key === "k") return -1;
  if (key === "down" || key === "j") return 1;
  if (key === "pageup") return -PAGE;
  if (key === "pagedown" || key === " ") return PAGE;
  if (key === "home" || key === "g") return Number.NEGATIVE_INFINITY;
  if (key === "end" || key === "G") return Number.MAX_SAFE_INTEGER;
  return undefined;
}

function focus(view: TopView, at: number): TopView {
  return { ...view, focus: PANELS[at % PANELS.length]! };
}

function move(view: TopView, model: TopModel, by: number): TopView {
  const ids = rowIds(model, view, view.focus);
  const index = Math.max(0, Math.min(ids.length - 1, selectedIndex(ids, view.selections[view.focus]) + by));
  const id = index === 0 ? undefined : ids[index];
  const selection = { index, ...(id !== undefined && { id }) };
  return { ...view, selections: { ...view.selections, [view.focus]: selection } };
}

function open(view: TopView, id: string | undefined): KeyResult {
  if (view.focus === "queues" || view.focus === "workers") {
    return say(view, "Enter opens a job: choose one of the running jobs (3) or failures (4).");
  }
  if (id === undefined) return { view };
  return { view: { ...view, page: { kind: "job", id, scroll: 0 } }, effect: { kind: "read" } };
}

function pause(view: TopView, model: TopModel, id: string | undefined): KeyResult {
  if (view.focus !== "queues") return say(view, "p pauses a queue: choose one of the queues (1).");
  const queue = model.queues.find((each) => each.queue === id);
  if (!queue) return { view };
  return { view: { ...view, question: { kind: queue.paused ? "resume" : "pause", queue: queue.queue } } };
}

function retry(view: TopView, id: string | undefined): KeyResult {
  if (view.focus !== "failures") return say(view, "r retries a failed job: choose one of the failures (4).");
  return id === undefined ? { view } : { view: { ...view, question: { kind: "retry", id } } };
}

function say(view: TopView, text: string): KeyResult {
  return { view: { ...view, notice: { text, isError: false } } };
}
