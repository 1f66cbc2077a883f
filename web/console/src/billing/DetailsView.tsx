import { graphql } from "react-relay/hooks";
import type { DetailsViewQuery } from "../__generated__/DetailsViewQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { DetailsForm } from "./DetailsForm";

export function DetailsView({ accountId }: PageProps) {
  const { account } = useLoadedQuery<DetailsViewQuery>(
    graphql`
      query DetailsViewQuery($accountId: ID!) {
        account(id: $accountId) {
          name
          billing {
            details {
              ...DetailsForm_details
            }
          }
        }
      }
    `,
    { accountId },
  );
  if (!account?.billing) return null;
  return <DetailsForm accountId={accountId} accountName={account.name} details={account.billing.details} />;
}
