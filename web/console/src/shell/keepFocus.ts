const CURRENT_ROW = "[data-index][tabindex='0']";
const CONTROL = "a[href], button:not([disabled]), input:not([disabled]), select, textarea, [tabindex='0']";
const TAB_STOP = `:is(${CONTROL}):not([tabindex='-1'])`;
const HEADING = "h1[tabindex]";
const MOST_FRAMES = 60;

/**
 * Moves the focus when the element that has it is removed, such as a row that somebody else deletes: to the table's current
 * row, which is then the next one, or else to what is nearest, at last to the page's heading. `root` contains the page, but not
 * the dialogs over it.
 */
export function keepFocus(root: HTMLElement): void {
  let focused: HTMLElement | null = null;
  /** Where the focus was last, in the page and over it: an element, or what is next to the place of one that was removed. */
  let inPage: Node | null = null;
  let inOverlay: Node | null = null;
  let isLost = false;

  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement)) return;
    focused = target;
    isLost = false;
    if (root.contains(target)) [inPage, inOverlay] = [target, null];
    else inOverlay = target;
  });

  document.addEventListener("focusout", () => {
    setTimeout(() => {
      // The person has left it, such as by a click on no control.
      if (!isLost && hasNoFocus()) focused = null;
    });
  });

  const restore = (frames: number) => {
    if (!isLost || !hasNoFocus()) return;
    const target = focused?.isConnected === true ? focused : (targetInDialog(inOverlay) ?? targetNear(inPage));
    target?.focus({ preventScroll: true });
    // The page below a dialog is inert until React Aria has tidied up after it.
    if (hasNoFocus() && frames > 1) requestAnimationFrame(() => restore(frames - 1));
  };

  new MutationObserver((records) => {
    for (const record of records) {
      if (isRemoved(focused, record)) isLost = true;
      inPage = stillThere(inPage, record);
      inOverlay = stillThere(inOverlay, record);
    }
    // React Aria returns the focus from a dialog or menu in this frame, to what opened it.
    if (isLost && hasNoFocus()) requestAnimationFrame(() => restore(MOST_FRAMES));
  }).observe(document.body, { childList: true, subtree: true });
}

function hasNoFocus(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}

function isRemoved(node: Node | null, { removedNodes }: MutationRecord): boolean {
  return node !== null && [...removedNodes].some((removed) => removed.contains(node));
}

function stillThere(node: Node | null, record: MutationRecord): Node | null {
  return isRemoved(node, record) ? (record.nextSibling ?? record.previousSibling ?? record.target) : node;
}

function targetInDialog(node: Node | null): HTMLElement | null {
  return elementOf(node)?.closest<HTMLElement>("[role=dialog], [role=alertdialog]") ?? null;
}

function targetNear(node: Node | null): HTMLElement | null {
  const start = elementOf(node);
  const row = start?.closest("[role=grid]")?.querySelector<HTMLElement>(CURRENT_ROW);
  if (row) return row;
  for (let element = start; element !== null && !element.matches("main, body"); element = element.parentElement) {
    const stop = element.matches(TAB_STOP) ? element : element.querySelector<HTMLElement>(`${HEADING}, ${TAB_STOP}`);
    if (stop !== null) return stop;
  }
  const page = document.querySelector("main");
  return page?.querySelector<HTMLElement>(CURRENT_ROW) ?? page?.querySelector<HTMLElement>(HEADING) ?? page;
}

function elementOf(node: Node | null): HTMLElement | null {
  if (node === null || !node.isConnected) return null;
  return node instanceof HTMLElement ? node : node.parentElement;
}
