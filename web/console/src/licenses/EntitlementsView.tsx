import { graphql, useRelayEnvironment } from "react-relay/hooks";
import type { EntitlementsViewQuery } from "../__generated__/EntitlementsViewQuery.graphql";
import type { PageProps } from "../pages";
import { refreshQuery } from "../relay/refreshQuery";
import { useChangesByOthers } from "../relay/useChangesByOthers";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { EntitlementTable, SHOWN_ACTIONS } from "./EntitlementTable";
import { LimitsLeft } from "./LimitsLeft";

type Props = Pick<PageProps, "accountId" | "permissions">;

export function EntitlementsView(props: Props) {
  return (
    <>
      <AccountLimits {...props} />
      <EntitlementTable {...props} />
    </>
  );
}

function AccountLimits({ accountId, permissions }: Props) {
  const environment = useRelayEnvironment();
  const { account } = useLoadedQuery<EntitlementsViewQuery>(QUERY, { accountId });
  useChangesByOthers({
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
    refresh: () => void refreshQuery<EntitlementsViewQuery>(environment, QUERY, { accountId }),
  });
  return account === null || account === undefined ? null : <LimitsLeft account={account} />;
}

const QUERY = graphql`
  query EntitlementsViewQuery($accountId: ID!) {
    account(id: $accountId) {
      ...LimitsLeft_account
    }
  }
`;
