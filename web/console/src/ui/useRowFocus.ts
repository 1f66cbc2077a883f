import { useLayoutEffect, useRef, type FocusEvent, type RefObject } from "react";

/**
 * Gives the focus to the current row when the row that has it leaves the document: it was removed from the list, or has been
 * loaded. Returns handlers for the body of the table.
 */
export function useRowFocus(body: RefObject<HTMLElement | null>, current: number) {
  const focused = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (focused.current === null || focused.current.isConnected) return;
    focused.current = null;
    if (document.activeElement !== document.body) return;
    body.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus({ preventScroll: true });
  });
  return {
    onFocus: ({ target }: FocusEvent) => {
      focused.current = target.closest("[data-index]");
    },
    // Not called for an element that leaves the document.
    onBlur: () => {
      focused.current = null;
    },
  };
}
