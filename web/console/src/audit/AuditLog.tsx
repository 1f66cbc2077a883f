import { useCallback, useMemo, useState } from "react";
import { FilteredList } from "../ui/FilteredList";
import { AuditToolbar } from "./AuditToolbar";
import { EventList, type EventListQuery } from "./EventList";
import { FilterTags } from "./FilterTags";
import { filterInput, isSearchable, parametersOf } from "./auditFilters";
import { useAuditFilters } from "./useAuditFilters";

interface Props {
  readonly accountId: string;
  /** Otherwise the events are the viewer's own. */
  readonly seesAll: boolean;
}

export function AuditLog({ accountId, seesAll }: Props) {
  const [filters, changeFilters, clearFilters] = useAuditFilters();
  const [version, setVersion] = useState(0);
  const showNewest = useCallback(() => setVersion((count) => count + 1), []);
  const searched = isSearchable(filters.text) ? filters : { ...filters, text: undefined };
  const key = `${parametersOf(searched).toString()} ${version}`;
  const query = useMemo<EventListQuery>(
    () => ({ accountId, seesAll, filter: filterInput(filters, new Date()), version, key }),
    // The key stands for the filters.
    [accountId, seesAll, key],
  );
  return (
    <>
      <AuditToolbar accountId={accountId} seesAll={seesAll} filters={filters} onChange={changeFilters} />
      <FilterTags filters={filters} onChange={changeFilters} onClear={clearFilters} />
      <FilteredList filters={query}>{(shown) => <EventList query={shown} onShowNewest={showNewest} />}</FilteredList>
    </>
  );
}
