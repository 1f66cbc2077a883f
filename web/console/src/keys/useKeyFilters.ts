import { useCallback, useMemo } from "react";
import { useSearchParams } from "wouter";
import { STATUS_FILTERS, type StatusFilter } from "./keyStatuses";

export interface KeyFilters {
  readonly status: StatusFilter;
  /** Empty for keys of any member. */
  readonly memberId: string;
}

/** What the list shows. It is in the URL, so that a reload and a link keep it. */
export function useKeyFilters(): [KeyFilters, (changes: Partial<KeyFilters>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const filters = useMemo(() => filtersOf(parameters), [parameters]);
  const change = useCallback(
    (changes: Partial<KeyFilters>) => {
      setParameters(
        (current) => {
          const { status, memberId } = { ...filtersOf(current), ...changes };
          const next = new URLSearchParams();
          const view = current.get("view");
          if (view !== null) next.set("view", view);
          if (status !== "USABLE") next.set("status", status);
          if (memberId !== "") next.set("member", memberId);
          return next;
        },
        { replace: true },
      );
    },
    [setParameters],
  );
  return [filters, change];
}

function filtersOf(parameters: URLSearchParams): KeyFilters {
  const status = parameters.get("status");
  return {
    status: STATUS_FILTERS.find(({ value }) => value === status)?.value ?? "USABLE",
    memberId: parameters.get("member") ?? "",
  };
}
