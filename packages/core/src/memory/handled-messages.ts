import type { HandledMessage } from "../engine/core.ts";

/** What a claim may hand out: the newest version by message, or everything. */
export type HandledMessages = ReadonlyMap<string, number> | "everything";

const known = new WeakMap<readonly HandledMessage[], HandledMessages>();

/** A worker passes the same list with each claim, so it is resolved once. */
export function resolveHandled(handles: readonly HandledMessage[] | undefined): HandledMessages {
  if (!handles) return "everything";
  const resolved = known.get(handles) ?? new Map(handles.map(({ message, version }) => [message, version]));
  known.set(handles, resolved);
  return resolved;
}

export function isHandled(handled: HandledMessages, messageType: string, version: number): boolean {
  return handled === "everything" || version <= (handled.get(messageType) ?? 0);
}
