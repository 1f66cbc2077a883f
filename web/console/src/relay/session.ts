/**
 * Whether the browser's session still works, as far as this page knows. "reauthentication": an account no longer accepts it,
 * though others do.
 *
 * All but "open" keep the page as it is, with what was entered, and ask the person to sign in again.
 */
export type SessionState = "open" | "ended" | "reauthentication";

type Listener = () => void;

let state: SessionState = "open";
let resumptions = 0;
let isDismissed = false;
const listeners = new Set<Listener>();
const channel = new BroadcastChannel("team-access-session");

export function sessionState(): SessionState {
  return state;
}

/** How often the session was resumed: subscriptions begin again then. */
export function sessionResumptions(): number {
  return resumptions;
}

export function onSessionChange(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setSessionState(next: SessionState): void {
  if (state === next) return;
  isDismissed = false;
  if (next === "open") resumptions += 1;
  change(next);
}

/** Leaves the page as it is, without a new sign-in. The next act that needs one asks again. */
export function dismissSignIn(): void {
  isDismissed = true;
  change("open");
}

/** Whether the person has closed the last question for a new sign-in. */
export function isSignInDismissed(): boolean {
  return isDismissed;
}

/** Resolves once the person is no longer asked to sign in, with whether that was done. */
export function afterSignIn(): Promise<boolean> {
  const before = resumptions;
  return new Promise((resolve) => {
    const forget = onSessionChange(() => {
      if (state !== "open") return;
      forget();
      resolve(resumptions > before);
    });
  });
}

function change(next: SessionState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** Tells the browser's other tabs that somebody has signed in or out. */
export function announceSession(): void {
  channel.postMessage("changed");
}

/** Calls back when another tab has signed in or out, and when the person returns to this tab. */
export function onPossibleSignIn(check: () => void): () => void {
  const checkIfVisible = () => {
    if (document.visibilityState === "visible") check();
  };
  channel.addEventListener("message", check);
  document.addEventListener("visibilitychange", checkIfVisible);
  window.addEventListener("focus", checkIfVisible);
  return () => {
    channel.removeEventListener("message", check);
    document.removeEventListener("visibilitychange", checkIfVisible);
    window.removeEventListener("focus", checkIfVisible);
  };
}
