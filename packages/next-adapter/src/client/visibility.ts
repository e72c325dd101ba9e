/** Whether somebody looks at the page. Where there is no document, somebody does. */
export function isVisible(): boolean {
  return typeof document === "undefined" || document.visibilityState === "visible";
}

/** Calls `listener` when that changes, also when the page comes back from the back-forward cache. Returns how to stop. */
export function onVisibility(listener: () => void): () => void {
  if (typeof document === "undefined") return () => {};
  document.addEventListener("visibilitychange", listener);
  addEventListener("pageshow", listener);
  addEventListener("pagehide", listener);
  return () => {
    document.removeEventListener("visibilitychange", listener);
    removeEventListener("pageshow", listener);
    removeEventListener("pagehide", listener);
  };
}

/** Calls `onOnline` or `onOffline` when the browser's network comes or goes. Returns how to stop. */
export function onNetwork(onOnline: () => void, onOffline: () => void): () => void {
  if (typeof window === "undefined") return () => {};
  addEventListener("online", onOnline);
  addEventListener("offline", onOffline);
  return () => {
    removeEventListener("online", onOnline);
    removeEventListener("offline", onOffline);
  };
}
