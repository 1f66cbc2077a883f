import { UNSTABLE_ToastQueue as ToastQueue } from "react-aria-components";

export interface ToastContent {
  readonly text: string;
  readonly kind: "good" | "bad";
}

const SHOWN_MILLISECONDS = 6_000;

export const toasts = new ToastQueue<ToastContent>({ maxVisibleToasts: 3 });

/** Says that an action succeeded. */
export function showSuccess(text: string): void {
  toasts.add({ text, kind: "good" }, { timeout: SHOWN_MILLISECONDS });
}

/** Says that an action failed, until the person closes it. */
export function showFailure(text: string): void {
  toasts.add({ text, kind: "bad" });
}
