import { useCallback, useEffect, useRef, type KeyboardEvent, type RefObject } from "react";

const PAGE_ROWS = 10;
const CONTROLS = "a[href], button";
const STOPS = `${CONTROLS}, input`;

/** Keyboard of a grid whose rows take the focus. Enter presses a row's first control. `goTo` brings a row into the document. */
export function useGridKeyboard(
  body: RefObject<HTMLElement | null>,
  current: number,
  count: number,
  goTo: (index: number) => void,
): (event: KeyboardEvent) => void {
  const isMoving = useRef(false);
  useEffect(() => {
    if (isMoving.current) {
      isMoving.current = false;
      body.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus({ preventScroll: true });
    }
  }, [body, current]);

  return useCallback(
    (event: KeyboardEvent) => {
      const target = targetIndex(event.key, current, count);
      if (target !== null) {
        event.preventDefault();
        if (target === current) return;
        isMoving.current = true;
        goTo(target);
      } else if (event.key === "Enter" && event.target instanceof HTMLElement && event.target.dataset["index"] !== undefined) {
        event.target.querySelector<HTMLElement>(CONTROLS)?.click();
      } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        event.preventDefault();
        moveInRow(event.target as HTMLElement, event.key === "ArrowRight" ? 1 : -1);
      }
    },
    [current, count, goTo],
  );
}

function targetIndex(key: string, current: number, count: number): number | null {
  const last = count - 1;
  switch (key) {
    case "ArrowDown":
      return Math.min(current + 1, last);
    case "ArrowUp":
      return Math.max(current - 1, 0);
    case "PageDown":
      return Math.min(current + PAGE_ROWS, last);
    case "PageUp":
      return Math.max(current - PAGE_ROWS, 0);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** The row itself comes first, then its controls. */
function moveInRow(from: HTMLElement, step: 1 | -1): void {
  const row = from.closest<HTMLElement>("[data-index]");
  if (row === null) return;
  const stops = [row, ...row.querySelectorAll<HTMLElement>(STOPS)];
  stops[stops.indexOf(from) + step]?.focus();
}
