import "./account.css";
import { graphql } from "react-relay/hooks";
import type { AccountPageQuery } from "../__generated__/AccountPageQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { useRefresh } from "../relay/useRefresh";
import { usePageTitle } from "../shell/usePageTitle";
import { QueryBoundary } from "../ui/QueryBoundary";
import { IdentityPanel } from "./IdentityPanel";
import { LimitsPanel } from "./LimitsPanel";
import { OwnerPanel } from "./OwnerPanel";
import { SecurityPanel } from "./SecurityPanel";
import { StreamsPanel } from "./StreamsPanel";

const QUERY = graphql`
  query AccountPageQuery($accountId: ID!, $seesSpending: Boolean!) {
    account(id: $accountId) {
      ...IdentityPanel_account
      ...LimitsPanel_account @arguments(seesSpending: $seesSpending)
      ...SecurityPanel_account
      ...OwnerPanel_account
    }
  }
`;

/** What holds for the account as a whole. Everybody sees the rules; those with MANAGE_ACCOUNT change them. */
export default function AccountPage({ accountId, permissions }: PageProps) {
  const heading = usePageTitle("Account");
  const mayManage = permissions.has("MANAGE_ACCOUNT");
  const variables = { accountId, seesSpending: permissions.has("MANAGE_BILLING") };
  const { account } = useLoadedQuery<AccountPageQuery>(QUERY, variables);
  useRefresh<AccountPageQuery>(QUERY, variables);
  if (account === null || account === undefined) return null;

  return (
    <div className="account-page">
      <header className="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            Account
          </h1>
          <p className="lead">
            {mayManage ? "Name, limits, rules, audit streams and owner of this account." : "The limits and rules of this account. Admins change them."}
          </p>
        </div>
      </header>
      <IdentityPanel account={account} mayManage={mayManage} />
      <LimitsPanel account={account} mayManage={mayManage} />
      <SecurityPanel account={account} mayManage={mayManage} />
      {mayManage && (
        <QueryBoundary>
          <StreamsPanel accountId={accountId} />
        </QueryBoundary>
      )}
      <OwnerPanel account={account} />
    </div>
  );
}
