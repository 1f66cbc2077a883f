import { useEffect, useRef, type RefObject } from "react";

let isFirstPage = true;

/**
 * Titles the document, and moves the focus to the page's heading when the person has come from another page, so that
 * screen readers read it.
 */
export function usePageTitle(title: string): RefObject<HTMLHeadingElement | null> {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} – Team access`;
    if (!isFirstPage) heading.current?.focus({ preventScroll: true });
    isFirstPage = false;
  }, [title]);
  return heading;
}
