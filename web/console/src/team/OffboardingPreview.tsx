import { graphql } from "react-relay/hooks";
import type { OffboardingPreviewQuery } from "../__generated__/OffboardingPreviewQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Detail, DetailList } from "../ui/DetailList";

/** What happens to a member's licenses, keys and invitations when it is removed now. */
export function OffboardingPreview({ memberId }: { readonly memberId: string }) {
  const { node } = useLoadedQuery<OffboardingPreviewQuery>(
    graphql`
      query OffboardingPreviewQuery($memberId: ID!) {
        node(id: $memberId) {
          ... on Member {
            offboarding {
              activeLicenses
              activeApiKeys {
                id
                name
                prefix
              }
              pendingInvitations {
                id
                email
              }
            }
          }
        }
      }
    `,
    { memberId },
    { fetchPolicy: "network-only" },
  );
  const offboarding = node?.offboarding;
  if (offboarding === null || offboarding === undefined) return null;
  const { activeLicenses, activeApiKeys, pendingInvitations } = offboarding;
  return (
    <DetailList>
      <Detail term="Active licenses">
        {activeLicenses === 0 ? "None" : `${activeLicenses}, which pass to another member and stay active`}
      </Detail>
      <Detail term="API keys">
        {activeApiKeys.length === 0
          ? "None"
          : `Revoked at once: ${activeApiKeys.map(({ name, prefix }) => `${name} (${prefix}…)`).join(", ")}`}
      </Detail>
      <Detail term="Invitations sent">
        {pendingInvitations.length === 0
          ? "None pending"
          : `Stay valid: ${pendingInvitations.map(({ email }) => email).join(", ")}`}
      </Detail>
    </DetailList>
  );
}
