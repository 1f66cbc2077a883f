import { useCallback } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { MemberPickerQuery } from "../__generated__/MemberPickerQuery.graphql";
import type { Role } from "../relay/types";
import { SearchPicker, type PickerProps } from "./SearchPicker";

interface Props extends PickerProps {
  readonly accountId: string;
  /** Member that cannot be chosen. */
  readonly exceptId?: string;
  /** If omitted, members of any role. Is the same list each time. */
  readonly roles?: readonly Role[];
}

/** One member of a team of any size. */
export function MemberPicker({ accountId, exceptId, roles, ...field }: Props) {
  const environment = useRelayEnvironment();
  const search = useCallback(
    async (text: string) => {
      const variables = { accountId, filter: { search: text || null, roles: roles ?? null } };
      const response = await fetchQuery<MemberPickerQuery>(environment, QUERY, variables).toPromise();
      return (response?.account?.members?.nodes ?? []).filter(({ id }) => id !== exceptId);
    },
    [environment, accountId, exceptId, roles],
  );
  return <SearchPicker {...field} search={search} emptyText="Nobody matches." />;
}

const QUERY = graphql`
  query MemberPickerQuery($accountId: ID!, $filter: MemberFilter) {
    account(id: $accountId) {
      members(first: 20, filter: $filter, orderBy: NAME) {
        nodes {
          id
          name
        }
      }
    }
  }
`;
