import type { Engine } from "../../engine/engine.ts";

type Listener = (ids: readonly string[], reason: string) => void;

const listenersByEngine = new WeakMap<Engine, Set<Listener>>();

/**
 * Workers of this process hear of a cancellation made in this process at once, on any engine. Those of other
 * processes hear of it from an engine that can push, or with their next heartbeat.
 */
export function onCancelNotice(engine: Engine, listener: Listener): () => void {
  let listeners = listenersByEngine.get(engine);
  if (!listeners) {
    listeners = new Set();
    listenersByEngine.set(engine, listeners);
  }
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

export function noticeCancel(engine: Engine, ids: readonly string[], reason: string): void {
  for (const listener of listenersByEngine.get(engine) ?? []) listener(ids, reason);
}
