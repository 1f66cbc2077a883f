import { useEffect, useRef, useState } from "react";
import { graphql, useRelayEnvironment } from "react-relay/hooks";
import type { AuditLogFilter, useNewEventsQuery } from "../__generated__/useNewEventsQuery.graphql";
import { fetchReleased } from "../relay/fetchReleased";

interface List {
  readonly accountId: string;
  readonly seesAll: boolean;
  readonly filter: AuditLogFilter;
  /** Cursor of its newest event; null if it has none. */
  readonly before: string | null;
}

export const MOST_COUNTED = 100;
const INTERVAL_MILLISECONDS = 1_000;

/**
 * Number of events that the list would have before its newest one; `MOST_COUNTED` stands for those and more. It is
 * read after the list, and again with each `arrival` of an event.
 */
export function useNewEvents({ accountId, seesAll, filter, before }: List, arrival: number): number {
  const environment = useRelayEnvironment();
  const [found, setFound] = useState({ filter, before, count: 0 });
  const count = found.filter === filter && found.before === before ? found.count : 0;
  const checkedAt = useRef(0);
  const isFull = count >= MOST_COUNTED;
  useEffect(() => {
    if (!seesAll || isFull) return;
    const bounds = before === null ? { first: MOST_COUNTED } : { last: MOST_COUNTED, before };
    const timer = setTimeout(
      () => {
        checkedAt.current = Date.now();
        void fetchReleased<useNewEventsQuery>(environment, QUERY, { accountId, filter, ...bounds })
          .then((response) => {
            const nodes = response?.account?.auditLog?.nodes ?? [];
            setFound({ filter, before, count: nodes.length });
          })
          .catch(() => undefined);
      },
      Math.max(0, checkedAt.current + INTERVAL_MILLISECONDS - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [environment, accountId, seesAll, filter, before, arrival, isFull]);
  return count;
}

const QUERY = graphql`
  query useNewEventsQuery($accountId: ID!, $filter: AuditLogFilter, $first: Int, $last: Int, $before: String) {
    account(id: $accountId) {
      auditLog(first: $first, last: $last, before: $before, filter: $filter) {
        nodes {
          id
        }
      }
    }
  }
`;
