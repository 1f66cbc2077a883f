import { graphql } from "react-relay/hooks";
import type { RecentUseQuery } from "../__generated__/RecentUseQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Detail, DetailList } from "../ui/DetailList";
import { LastUse } from "./LastUse";

/** Whether programs rely on a key. */
export function RecentUse({ keyId }: { readonly keyId: string }) {
  const { node } = useLoadedQuery<RecentUseQuery>(
    graphql`
      query RecentUseQuery($keyId: ID!) {
        node(id: $keyId) {
          ... on ApiKey {
            ...LastUse_apiKey @alias(as: "lastUse")
            usage(days: 7) {
              calls
            }
          }
        }
      }
    `,
    { keyId },
    { fetchPolicy: "network-only" },
  );
  if (!node?.lastUse || !node.usage) return null;
  const calls = node.usage.reduce((sum, day) => sum + day.calls, 0);
  return (
    <DetailList>
      <Detail term="Calls">{calls === 0 ? "None in the last 7 days" : `${calls.toLocaleString()} in the last 7 days`}</Detail>
      <Detail term="Last used">
        <LastUse apiKey={node.lastUse} />
      </Detail>
    </DetailList>
  );
}
