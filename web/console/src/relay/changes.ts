import { onReconnection } from "./subscribeOperation";

const channel = new BroadcastChannel("team-access-changes");
const listeners = new Set<() => void>();

/** Tells this tab, and the browser's other ones, that a change was made here. */
export function announceChange(): void {
  channel.postMessage("changed");
  for (const listener of listeners) listener();
}

/**
 * Calls back when this tab or another one has made a change, when the person returns to this tab, and when the connection is back
 * after an interruption.
 */
export function onPossibleChange(listener: () => void): () => void {
  const ifVisible = () => {
    if (document.visibilityState === "visible") listener();
  };
  listeners.add(listener);
  channel.addEventListener("message", listener);
  document.addEventListener("visibilitychange", ifVisible);
  window.addEventListener("focus", ifVisible);
  const forget = onReconnection(listener);
  return () => {
    listeners.delete(listener);
    channel.removeEventListener("message", listener);
    document.removeEventListener("visibilitychange", ifVisible);
    window.removeEventListener("focus", ifVisible);
    forget();
  };
}
