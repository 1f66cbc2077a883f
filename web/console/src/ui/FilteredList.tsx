import { useDeferredValue, type ReactNode } from "react";
import { QueryBoundary } from "./QueryBoundary";

interface Props<Filters> {
  readonly filters: Filters;
  /** The list of these filters. `key` changes with them. */
  readonly children: (filters: Filters, key: string) => ReactNode;
}

/** The list of before stays, faded, until that of the new filters has arrived. */
export function FilteredList<Filters>({ filters, children }: Props<Filters>) {
  const shown = useDeferredValue(filters);
  const key = JSON.stringify(shown);
  return (
    <div className={filters === shown ? "list" : "list list-pending"}>
      <QueryBoundary resetKey={key}>{children(shown, key)}</QueryBoundary>
    </div>
  );
}
