import { graphql } from "react-relay/hooks";
import type { LeavingPreviewQuery } from "../__generated__/LeavingPreviewQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Detail, DetailList } from "../ui/DetailList";

interface Props {
  readonly accountId: string;
  /** The viewer's membership in the account. */
  readonly memberId: string;
}

/** What happens to the person's licenses and keys when it leaves now. */
export function LeavingPreview({ accountId, memberId }: Props) {
  const { account } = useLoadedQuery<LeavingPreviewQuery>(
    graphql`
      query LeavingPreviewQuery($accountId: ID!, $memberId: ID!) {
        account(id: $accountId) {
          owner {
            id
            name
          }
          viewerMember {
            id
            licenses(first: 0, filter: { statuses: [ACTIVE] }) {
              totalCount
            }
          }
          apiKeys(first: 100, filter: { memberIds: [$memberId], statuses: [ACTIVE, UNCLAIMED] }) {
            nodes {
              id
              name
              prefix
            }
          }
        }
      }
    `,
    { accountId, memberId },
    { fetchPolicy: "network-only" },
  );
  if (account === null || account === undefined) return null;
  const licenses = account.viewerMember.licenses?.totalCount ?? 0;
  const keys = account.apiKeys?.nodes ?? [];
  return (
    <DetailList>
      <Detail term="Active licenses">
        {licenses === 0 ? "None" : `${licenses}, which pass to the owner, ${account.owner.name}, and stay active`}
      </Detail>
      <Detail term="API keys">
        {keys.length === 0 ? "None" : `Revoked at once: ${keys.map(({ name, prefix }) => `${name} (${prefix}…)`).join(", ")}`}
      </Detail>
    </DetailList>
  );
}
