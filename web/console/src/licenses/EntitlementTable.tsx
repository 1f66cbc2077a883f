import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { EntitlementTableQuery, EntitlementTableQuery$data } from "../__generated__/EntitlementTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { EmptyState } from "../ui/EmptyState";
import type { Column } from "../ui/GridRow";
import { RowList } from "../ui/RowList";

type EntitlementRow = NonNullable<NonNullable<EntitlementTableQuery$data["account"]>["entitlements"]>["nodes"][number];

/** Audit actions that change how many licenses are left. */
export const SHOWN_ACTIONS = /^(LICENSES?|ENTITLEMENT)_/;

const COLUMNS: readonly Column<EntitlementRow>[] = [
  {
    id: "theme",
    header: "Theme",
    isRowHeader: true,
    cell: ({ theme }, tabIndex) => (
      <Link href={`?themeId=${encodeURIComponent(theme.id)}`} tabIndex={tabIndex}>
        {theme.name}
      </Link>
    ),
  },
  { id: "purchased", header: "Purchased", cell: ({ purchased }) => purchased.toLocaleString() },
  { id: "provisioned", header: "In use", cell: ({ provisioned }) => provisioned.toLocaleString() },
  { id: "available", header: "Left", cell: ({ available }) => available.toLocaleString() },
];

/** How many licenses of each theme were purchased, and how many of them are left. */
export function EntitlementTable({ accountId, permissions }: Pick<PageProps, "accountId" | "permissions">) {
  const list = useLiveRows<EntitlementTableQuery, EntitlementRow>({
    query: QUERY,
    variables: { accountId },
    connectionOf: ({ account }) => account?.entitlements,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
  });
  if (list === null) return null;
  return (
    <RowList
      label="Purchased licenses"
      className="entitlement-table"
      columns={COLUMNS}
      rows={list}
      nouns={["theme", "themes"]}
      empty={<EmptyState title="Nothing purchased yet">An Admin purchases licenses of a theme in the catalog.</EmptyState>}
    />
  );
}

const QUERY = graphql`
  query EntitlementTableQuery($accountId: ID!, $after: String) {
    account(id: $accountId) {
      entitlements(first: 100, after: $after) {
        totalCount
        nodes {
          id
          purchased
          provisioned
          available
          theme {
            id
            name
          }
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`;
