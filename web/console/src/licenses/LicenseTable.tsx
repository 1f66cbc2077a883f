import { useMemo, useState } from "react";
import { graphql } from "react-relay/hooks";
import type { LicenseTableQuery, LicenseTableQuery$data } from "../__generated__/LicenseTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { useListUrl } from "../shell/useListUrl";
import { EmptyState } from "../ui/EmptyState";
import { RowList } from "../ui/RowList";
import { LicenseDialog } from "./LicenseDialog";
import type { LicenseActName } from "./licenseActs";
import { licenseColumns } from "./licenseColumns";
import { NO_FILTERS, filterInput, type LicenseFilters } from "./useLicenseFilters";

export type LicenseRow = NonNullable<NonNullable<LicenseTableQuery$data["account"]>["licenses"]>["nodes"][number];

interface Props extends Omit<PageProps, "entryId"> {
  readonly filters: LicenseFilters;
  /** The only holder whose licenses are shown, or null for all that the viewer sees. */
  readonly holderId: string | null;
}

const SHOWN_ACTIONS = /^(LICENSE|MEMBER|PERSON)_/;

export function LicenseTable({ accountId, slug, memberId, permissions, filters, holderId }: Props) {
  const list = useLiveRows<LicenseTableQuery, LicenseRow>({
    query: QUERY,
    variables: { accountId, filter: filterInput(filters, holderId), order: filters.order },
    connectionOf: ({ account }) => account?.licenses,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
  });
  const [dialog, setDialog] = useState<{ readonly act: LicenseActName; readonly license: LicenseRow } | null>(null);
  const urlOf = useListUrl(slug, "licenses");
  const columns = useMemo(
    () =>
      licenseColumns({
        permissions,
        memberId,
        urlOf,
        onOpen: (act, license) => setDialog({ act, license }),
      }),
    [permissions, memberId, urlOf],
  );
  if (list === null) return null;
  return (
    <>
      <RowList
        label="Licenses"
        className="license-table"
        columns={columns}
        rows={list}
        nouns={["license", "licenses"]}
        empty={
          isUnfiltered(filters) ? (
            <EmptyState title="No licenses yet">A license that is provisioned for a site appears here.</EmptyState>
          ) : (
            <EmptyState title="No license matches">Change the search or the filters.</EmptyState>
          )
        }
      />
      {dialog !== null && <LicenseDialog {...dialog} accountId={accountId} onClose={() => setDialog(null)} />}
    </>
  );
}

function isUnfiltered(filters: LicenseFilters): boolean {
  return (Object.keys(NO_FILTERS) as (keyof LicenseFilters)[]).every(
    (name) => name === "order" || filters[name] === NO_FILTERS[name],
  );
}

const QUERY = graphql`
  query LicenseTableQuery($accountId: ID!, $after: String, $filter: LicenseFilter, $order: LicenseOrder) {
    account(id: $accountId) {
      licenses(first: 100, after: $after, filter: $filter, orderBy: $order) {
        totalCount
        nodes {
          id
          site
          status
          expiresAt
          theme {
            id
            name
          }
          holder {
            id
            name
          }
          ...InstalledVersion_license
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`;
