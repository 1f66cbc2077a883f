import { useEffect, useState } from "react";

/**
 * Like useState, for what is entered and must survive a reload of this tab. `key` names the form and what it is about. What was
 * not entered is as in `initial`. `clear` forgets what was entered, once it was sent.
 */
export function useDraft<Draft extends object>(
  key: string,
  initial: Draft,
): [Draft, (changes: Partial<Draft>) => void, () => void] {
  const [entered, setEntered] = useState<Partial<Draft>>(() => stored(key));
  useEffect(() => {
    if (Object.keys(entered).length === 0) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(entered));
  }, [key, entered]);
  return [
    { ...initial, ...entered },
    (changes) => setEntered((current) => ({ ...current, ...changes })),
    () => {
      sessionStorage.removeItem(key);
      setEntered({});
    },
  ];
}

/**
 * A draft of changes to what exists, which is forgotten when its form is closed: the next time, the form shows what is saved.
 */
export function useEdits<Draft extends object>(key: string, saved: Draft): [Draft, (changes: Partial<Draft>) => void] {
  const [draft, change] = useDraft(key, saved);
  // A reload does not unmount.
  useEffect(() => () => sessionStorage.removeItem(key), [key]);
  return [draft, change];
}

function stored(key: string): object {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
