import { graphql } from "react-relay/hooks";
import type { UsageQuery } from "../__generated__/UsageQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { UsageChart } from "./UsageChart";
import { UsageTable } from "./UsageTable";

interface Props {
  readonly keyId: string;
  readonly days: number;
}

/** A chart for the eye, with the same numbers in a table. */
export function Usage({ keyId, days }: Props) {
  const { node } = useLoadedQuery<UsageQuery>(
    graphql`
      query UsageQuery($keyId: ID!, $days: Int!) {
        node(id: $keyId) {
          ... on ApiKey {
            usage(days: $days) {
              day
              calls
              denied
            }
          }
        }
      }
    `,
    { keyId, days },
  );
  if (!node?.usage) return null;
  const calls = node.usage.reduce((sum, each) => sum + each.calls, 0);
  const denied = node.usage.reduce((sum, each) => sum + each.denied, 0);
  return (
    <figure className="usage">
      <figcaption>
        {calls === 1 ? "1 call" : `${calls.toLocaleString()} calls`} in the last {days} days of UTC
        {calls > 0 && `, ${denied === 0 ? "none" : denied.toLocaleString()} of them refused`}.
      </figcaption>
      {calls > 0 && <UsageChart usage={node.usage} />}
      {calls > 0 && <UsageTable usage={node.usage} />}
    </figure>
  );
}
