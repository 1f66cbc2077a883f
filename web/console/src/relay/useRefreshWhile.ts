import { useEffect, useState } from "react";

const FIRST_REFRESH_MILLISECONDS = 1_000;
const LAST_REFRESH_MILLISECONDS = 60_000;

/** Reads a list again while something in it is about to change: soon at first, then ever more rarely. */
export function useRefreshWhile(isChanging: boolean, refresh: () => void): void {
  const [delay, setDelay] = useState(FIRST_REFRESH_MILLISECONDS);
  useEffect(() => {
    if (!isChanging) {
      setDelay(FIRST_REFRESH_MILLISECONDS);
      return undefined;
    }
    const timer = setTimeout(() => {
      refresh();
      setDelay((current) => Math.min(current * 2, LAST_REFRESH_MILLISECONDS));
    }, delay);
    return () => clearTimeout(timer);
  }, [isChanging, delay, refresh]);
}
