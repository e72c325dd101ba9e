import type { HandledMessage } from "../../engine/core.ts";

const texts = new WeakMap<readonly HandledMessage[], string>();

/** What a worker handles, for `lua/lib/handles.lua`. Cached, since a worker passes the same list with each claim. */
export function handlesText(handles: readonly HandledMessage[] | undefined): string {
  if (!handles) return "";
  let text = texts.get(handles);
  if (text === undefined) {
    text = ` ${handles.map(({ message, version }) => `${message}:${version} `).join("")}`;
    texts.set(handles, text);
  }
  return text;
}
