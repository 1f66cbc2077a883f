import { graphql, readInlineData } from "react-relay/hooks";
import type { eventPages_connection$data, eventPages_connection$key } from "../__generated__/eventPages_connection.graphql";
import type { eventPagesQuery$data } from "../__generated__/eventPagesQuery.graphql";
import type { RowPage } from "../relay/RowPages";

export type EventRow = eventPages_connection$data["nodes"][number];

/** Only the first page has the numbers. `totalCount` is null where they are too many to count. */
export interface EventPage extends RowPage<EventRow> {
  readonly startCursor: string | null | undefined;
  /** Sequence number of the log's newest event, whatever the filter. */
  readonly head: number;
}

/** A page of the whole log, or of the viewer's own part of it. */
export const EVENT_PAGE = graphql`
  query eventPagesQuery($accountId: ID!, $seesAll: Boolean!, $filter: AuditLogFilter, $after: String, $isFirst: Boolean!) {
    account(id: $accountId) {
      ... @include(if: $isFirst) {
        head: auditLog(first: 1) @include(if: $seesAll) {
          nodes {
            sequence
          }
        }
      }
      auditLog(first: 100, after: $after, filter: $filter) @include(if: $seesAll) {
        ...eventPages_connection
      }
      viewerMember {
        activity(first: 100, after: $after, filter: $filter) @skip(if: $seesAll) {
          ...eventPages_connection
        }
      }
    }
  }
`;

export function eventPageOf({ account }: eventPagesQuery$data): EventPage | null {
  const key: eventPages_connection$key | null | undefined = account?.auditLog ?? account?.viewerMember.activity;
  if (key === null || key === undefined) return null;
  const { nodes, pageInfo, totalCount } = readInlineData(
    graphql`
      fragment eventPages_connection on AuditEventConnection @inline {
        totalCount @include(if: $isFirst)
        nodes {
          id
          occurredAt
          action
          outcome
          summary
          targetName
          actor {
            kind
            name
            credential {
              kind
              label
            }
          }
        }
        pageInfo {
          startCursor
          endCursor
          hasNextPage
        }
      }
    `,
    key,
  );
  return { rows: nodes, ...pageInfo, totalCount: totalCount ?? null, head: account?.head?.nodes[0]?.sequence ?? 0 };
}
