import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { parametersOf, type AuditFilters } from "./auditFilters";

interface Props {
  readonly filters: AuditFilters;
  readonly children: ReactNode;
}

/** Shows other events: those that meet the filters. */
export function FilterLink({ filters, children }: Props) {
  const [path] = useLocation();
  return (
    <Link href={`${path}?${parametersOf(filters).toString()}`} className="filter-link">
      {children}
    </Link>
  );
}
