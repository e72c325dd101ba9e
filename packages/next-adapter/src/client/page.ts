const EVENTS = ["visibilitychange", "pageshow", "pagehide", "online", "offline"];

/** Whether somebody looks at the page. Where there is no document, somebody does. */
export function isVisible(): boolean {
  return typeof document === "undefined" || document.visibilityState === "visible";
}

/**
 * Calls `listener` when the page is shown or hidden, comes back from the back-forward cache, or its network comes or
 * goes. Returns how to stop.
 */
export function onPage(listener: () => void): () => void {
  if (typeof document === "undefined") return () => {};
  // Those of the document reach the window.
  for (const event of EVENTS) addEventListener(event, listener, true);
  return () => {
    for (const event of EVENTS) removeEventListener(event, listener, true);
  };
}
