import { useState, useTransition } from "react";
import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { LicenseHistoryQuery } from "../__generated__/LicenseHistoryQuery.graphql";
import { accountUrl } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { Time } from "../ui/Time";

interface Props {
  readonly accountId: string;
  readonly slug: string;
  readonly licenseId: string;
  /** Whether the viewer sees what others did, too. */
  readonly showsAll: boolean;
  /** The history is read again when it changes. */
  readonly version: number;
}

const FIRST_EVENTS = 10;
const MOST_EVENTS = 100;

/** What was done with the license, from the audit log, newest first. */
export function LicenseHistory({ accountId, slug, licenseId, showsAll, version }: Props) {
  const [count, setCount] = useState(FIRST_EVENTS);
  const [isLoading, startLoading] = useTransition();
  const { account } = useLoadedQuery<LicenseHistoryQuery>(
    graphql`
      query LicenseHistoryQuery($accountId: ID!, $filter: AuditLogFilter!, $count: Int!, $showsAll: Boolean!) {
        account(id: $accountId) {
          auditLog(first: $count, filter: $filter) @include(if: $showsAll) {
            ...LicenseHistory_events @relay(mask: false)
          }
          viewerMember @skip(if: $showsAll) {
            activity(first: $count, filter: $filter) {
              ...LicenseHistory_events @relay(mask: false)
            }
          }
        }
      }
    `,
    { accountId, filter: { targetId: licenseId }, count, showsAll },
    { version },
  );
  const events = account?.auditLog ?? account?.viewerMember?.activity;
  if (events === null || events === undefined) return null;

  return (
    <Panel
      title={showsAll ? "History" : "What you did"}
      action={<Link href={`${accountUrl(slug, "audit-log")}?targetId=${encodeURIComponent(licenseId)}`}>Open in the audit log</Link>}
    >
      {events.nodes.length === 0 ? (
        <p className="hint">Nothing yet.</p>
      ) : (
        <ol className="license-history">
          {events.nodes.map(({ id, summary, outcome, occurredAt }) => (
            <li key={id}>
              <span>
                {summary} {outcome === "DENIED" && <Badge kind="bad">Denied</Badge>}
              </span>
              <span className="hint">
                <Time value={occurredAt} />
              </span>
            </li>
          ))}
        </ol>
      )}
      {events.pageInfo.hasNextPage && count < MOST_EVENTS && (
        <Button isBusy={isLoading} onPress={() => startLoading(() => setCount(MOST_EVENTS))}>
          Show more
        </Button>
      )}
    </Panel>
  );
}

graphql`
  fragment LicenseHistory_events on AuditEventConnection {
    nodes {
      id
      summary
      outcome
      occurredAt
    }
    pageInfo {
      hasNextPage
    }
  }
`;
