import { useCallback } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { ThemePickerQuery } from "../__generated__/ThemePickerQuery.graphql";
import { SearchPicker, type PickerProps } from "./SearchPicker";

interface Props extends PickerProps {
  /** Account in which the viewer wants to provision the theme. If omitted, every theme can be chosen. */
  readonly provisionIn?: string;
}

/** One theme of the catalog. Those that the viewer cannot provision now say so, and cannot be chosen. */
export function ThemePicker({ provisionIn, ...field }: Props) {
  const environment = useRelayEnvironment();
  const search = useCallback(
    async (text: string) => {
      const variables = {
        filter: { search: text || null },
        accountId: provisionIn ?? "",
        provisions: provisionIn !== undefined,
      };
      const response = await fetchQuery<ThemePickerQuery>(environment, QUERY, variables).toPromise();
      return (response?.catalog?.nodes ?? []).map(({ id, name, viewerCanProvision }) =>
        viewerCanProvision === false ? { id, name, note: "Cannot be provisioned now", isDisabled: true } : { id, name },
      );
    },
    [environment, provisionIn],
  );
  return <SearchPicker {...field} search={search} emptyText="No theme matches." />;
}

const QUERY = graphql`
  query ThemePickerQuery($filter: ThemeFilter, $accountId: ID!, $provisions: Boolean!) {
    catalog(first: 20, filter: $filter, orderBy: NAME) {
      nodes {
        id
        name
        viewerCanProvision(accountId: $accountId) @include(if: $provisions)
      }
    }
  }
`;
