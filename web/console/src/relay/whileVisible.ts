/** Calls back when the person returns to the page or the connection does, and every `seconds` while the page is visible. */
export function whileVisible(seconds: number, callback: () => void): () => void {
  const callIfVisible = () => {
    if (document.visibilityState === "visible") callback();
  };
  const timer = setInterval(callIfVisible, seconds * 1_000);
  document.addEventListener("visibilitychange", callIfVisible);
  window.addEventListener("focus", callIfVisible);
  window.addEventListener("online", callIfVisible);
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", callIfVisible);
    window.removeEventListener("focus", callIfVisible);
    window.removeEventListener("online", callIfVisible);
  };
}
