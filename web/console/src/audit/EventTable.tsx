import { useCallback, useEffect, useMemo, useRef } from "react";
import { useSearchParams } from "wouter";
import type { eventPagesQuery } from "../__generated__/eventPagesQuery.graphql";
import { useRowPages } from "../relay/useRowPages";
import { LoadFailure } from "../ui/LoadFailure";
import { VirtualTable } from "../ui/VirtualTable";
import type { EventListQuery } from "./EventList";
import { eventColumns } from "./eventColumns";
import { EVENT_PAGE, eventPageOf, type EventPage, type EventRow } from "./eventPages";

interface Props {
  readonly first: EventPage;
  readonly query: EventListQuery;
}

export function EventTable({ first, query: { accountId, seesAll, filter, version } }: Props) {
  const pages = useRowPages<eventPagesQuery, EventRow>(first, {
    query: EVENT_PAGE,
    variables: { accountId, seesAll, filter, isFirst: false },
    pageOf: eventPageOf,
  });
  const [, setParameters] = useSearchParams();
  const open = useCallback(
    ({ id }: EventRow) => setParameters((current) => new URLSearchParams([...current, ["event", id]])),
    [setParameters],
  );
  const columns = useMemo(() => eventColumns(open), [open]);
  const table = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (version === 0) return;
    window.scrollTo(0, 0);
    table.current?.querySelector<HTMLElement>('[data-index="0"]')?.focus({ preventScroll: true });
  }, [version]);

  return (
    <div ref={table}>
      <VirtualTable label="Events" className="event-table" columns={columns} source={pages} />
      <LoadFailure what="events" failure={pages.snapshot().failure} onRetry={pages.retry} />
    </div>
  );
}
