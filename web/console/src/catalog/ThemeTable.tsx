import { useMemo } from "react";
import { graphql } from "react-relay/hooks";
import type { ThemeTableQuery, ThemeTableQuery$data } from "../__generated__/ThemeTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { EmptyState } from "../ui/EmptyState";
import { RowList } from "../ui/RowList";
import { themeColumns } from "./themeColumns";
import { filterInput, type CatalogFilters } from "./useCatalogFilters";

export type ThemeRow = NonNullable<ThemeTableQuery$data["catalog"]>["nodes"][number];

interface Props extends PageProps {
  readonly filters: CatalogFilters;
}

/** Change whether the viewer can provision a theme. */
const SHOWN_ACTIONS = /^(LICENSES?|ENTITLEMENT)_/;

export function ThemeTable({ accountId, slug, permissions, filters }: Props) {
  const provisions = permissions.has("PROVISION_LICENSES");
  const list = useLiveRows<ThemeTableQuery, ThemeRow>({
    query: QUERY,
    variables: { accountId, filter: filterInput(filters), order: filters.order, provisions },
    connectionOf: ({ catalog }) => catalog,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
  });
  const columns = useMemo(() => themeColumns({ slug, provisions }), [slug, provisions]);
  if (list === null) return null;
  return (
    <RowList
      label="Themes"
      className={provisions ? "theme-table" : "theme-table theme-table-plain"}
      columns={columns}
      rows={list}
      nouns={["theme", "themes"]}
      empty={<EmptyState title="No theme matches">Change the search or the tag.</EmptyState>}
    />
  );
}

const QUERY = graphql`
  query ThemeTableQuery($accountId: ID!, $after: String, $filter: ThemeFilter, $order: ThemeOrder, $provisions: Boolean!) {
    catalog(first: 100, after: $after, filter: $filter, orderBy: $order) {
      totalCount
      nodes {
        id
        name
        summary
        tags
        latestVersion
        price {
          amount
          currency
        }
        viewerCanProvision(accountId: $accountId) @include(if: $provisions)
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
`;
