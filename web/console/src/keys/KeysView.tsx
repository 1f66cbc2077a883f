import { graphql } from "react-relay/hooks";
import type { KeysViewQuery } from "../__generated__/KeysViewQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { FilteredList } from "../ui/FilteredList";
import { KeyTable } from "./KeyTable";
import { KeyToolbar } from "./KeyToolbar";
import { PolicyHint } from "./PolicyHint";
import { useKeyFilters } from "./useKeyFilters";

interface Props extends PageProps {
  /** Whether keys of other members are in the list. */
  readonly showsAll: boolean;
}

export function KeysView(props: Props) {
  const { accountId, showsAll } = props;
  const [filters, changeFilters] = useKeyFilters();
  return (
    <>
      <KeyToolbar accountId={accountId} filters={filters} onChange={changeFilters} showsAll={showsAll} />
      <FilteredList filters={filters}>
        {(shown, key) => <KeyTable key={`${showsAll ? "all" : "own"} ${key}`} {...props} filters={shown} />}
      </FilteredList>
      <KeyPolicy accountId={accountId} />
    </>
  );
}

function KeyPolicy({ accountId }: Pick<PageProps, "accountId">) {
  const { account } = useLoadedQuery<KeysViewQuery>(
    graphql`
      query KeysViewQuery($accountId: ID!) {
        account(id: $accountId) {
          securityPolicy {
            ...PolicyHint_policy
          }
        }
      }
    `,
    { accountId },
  );
  return <div className="key-policy">{account?.securityPolicy && <PolicyHint policy={account.securityPolicy} />}</div>;
}
