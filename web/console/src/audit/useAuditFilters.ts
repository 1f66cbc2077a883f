import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { filtersOf, parametersOf, type AuditFilters } from "./auditFilters";

/** What the list shows. It is in the URL, so that a reload and a link keep it. A change of `undefined` removes a filter. */
export function useAuditFilters(): [AuditFilters, (changes: AuditFilters) => void, () => void] {
  const [parameters, setParameters] = useSearchParams();
  const text = parametersOf(filtersOf(parameters)).toString();
  const filters = useMemo(() => filtersOf(new URLSearchParams(text)), [text]);
  const change = useCallback(
    (changes: AuditFilters) => {
      setParameters((current) => parametersOf({ ...filtersOf(current), ...changes }), { replace: true });
    },
    [setParameters],
  );
  const clear = useCallback(() => setParameters({}, { replace: true }), [setParameters]);
  return [filters, change, clear];
}
