import { useEffect, useState } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { useHasOwnKeysQuery } from "../__generated__/useHasOwnKeysQuery.graphql";

/** Whether the member has API keys, revoked ones included. Null while that is read, and where it is not `asked`. */
export function useHasOwnKeys(accountId: string, memberId: string, asked: boolean): boolean | null {
  const environment = useRelayEnvironment();
  const [hasKeys, setHasKeys] = useState<boolean | null>(null);
  useEffect(() => {
    if (!asked) return undefined;
    const reading = fetchQuery<useHasOwnKeysQuery>(environment, QUERY, { accountId, memberId }).subscribe({
      next: ({ account }) => setHasKeys((account?.apiKeys?.totalCount ?? 0) > 0),
      error: () => setHasKeys(false),
    });
    return () => reading.unsubscribe();
  }, [environment, accountId, memberId, asked]);
  return asked ? hasKeys : null;
}

const QUERY = graphql`
  query useHasOwnKeysQuery($accountId: ID!, $memberId: ID!) {
    account(id: $accountId) {
      apiKeys(first: 0, filter: { memberIds: [$memberId] }) {
        totalCount
      }
    }
  }
`;
