import { useState } from "react";
import type { AuditLogFilter, eventPagesQuery } from "../__generated__/eventPagesQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { Arrivals } from "./Arrivals";
import { EventTable } from "./EventTable";
import { NewEvents } from "./NewEvents";
import { EVENT_PAGE, eventPageOf } from "./eventPages";
import { MOST_COUNTED, useNewEvents } from "./useNewEvents";

/** What the list shows. `key` changes with everything else. */
export interface EventListQuery {
  readonly accountId: string;
  readonly seesAll: boolean;
  readonly filter: AuditLogFilter;
  /** How often the list was asked for its newest events. */
  readonly version: number;
  readonly key: string;
}

interface Props {
  readonly query: EventListQuery;
  readonly onShowNewest: () => void;
}

export function EventList({ query, onShowNewest }: Props) {
  const [arrival, setArrival] = useState(0);
  const { accountId, seesAll, filter, version, key } = query;
  const variables = { accountId, seesAll, filter, isFirst: true };
  const data = useLoadedQuery<eventPagesQuery>(EVENT_PAGE, variables, { fetchPolicy: "network-only", version });
  const page = eventPageOf(data);
  const newEvents = useNewEvents({ accountId, seesAll, filter, before: page?.startCursor ?? null }, arrival);
  if (page === null) return null;

  return (
    <>
      <div className="list-header">
        <p className="count" role="status">
          {countText(page.totalCount)}
        </p>
        {!seesAll && (
          <Button kind="quiet" onPress={onShowNewest}>
            Refresh
          </Button>
        )}
      </div>
      {seesAll && newEvents < MOST_COUNTED && <Arrivals accountId={accountId} head={page.head} onArrival={setArrival} />}
      <NewEvents count={newEvents} onShow={onShowNewest} />
      {page.rows.length === 0 ? (
        <EmptyState title="No events">
          Nothing that happened meets these conditions. API calls are not searched by text: filter them by member or API key.
        </EmptyState>
      ) : (
        <EventTable key={key} first={page} query={query} />
      )}
    </>
  );
}

function countText(count: number | null): string {
  if (count === null) return "Too many events to count";
  return count === 1 ? "1 event" : `${count.toLocaleString()} events`;
}
