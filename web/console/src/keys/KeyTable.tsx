import { useMemo, useState } from "react";
import { graphql } from "react-relay/hooks";
import type { KeyTableQuery, KeyTableQuery$data } from "../__generated__/KeyTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { useListUrl } from "../shell/useListUrl";
import { RowList } from "../ui/RowList";
import type { KeyActName } from "./keyActs";
import { keyColumns } from "./keyColumns";
import { KeyDialog } from "./KeyDialog";
import { statusesOf } from "./keyStatuses";
import { NoKeys } from "./NoKeys";
import type { KeyFilters } from "./useKeyFilters";

export type KeyRow = NonNullable<NonNullable<KeyTableQuery$data["account"]>["apiKeys"]>["nodes"][number];

interface Props extends Omit<PageProps, "entryId"> {
  readonly filters: KeyFilters;
  /** Whether keys of other members are in the list. */
  readonly showsAll: boolean;
}

const SHOWN_ACTIONS = /^(API_KEY|MEMBER|PERSON)_/;

export function KeyTable({ accountId, slug, memberId, permissions, filters, showsAll }: Props) {
  const ownerId = showsAll ? filters.memberId : memberId;
  const list = useLiveRows<KeyTableQuery, KeyRow>({
    query: QUERY,
    variables: { accountId, filter: { statuses: statusesOf(filters.status), memberIds: ownerId === "" ? null : [ownerId] } },
    connectionOf: ({ account }) => account?.apiKeys,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
    // Its member may claim it.
    isChanging: ({ status }) => status === "UNCLAIMED",
  });
  const [dialog, setDialog] = useState<{ readonly act: KeyActName; readonly apiKey: KeyRow } | null>(null);
  const urlOf = useListUrl(slug, "keys");
  const columns = useMemo(
    () =>
      keyColumns({
        permissions,
        memberId,
        showsMember: showsAll,
        urlOf,
        onOpen: (act, apiKey) => setDialog({ act, apiKey }),
      }),
    [permissions, memberId, showsAll, urlOf],
  );
  if (list === null) return null;
  const mayGenerate = permissions.has("GENERATE_API_KEYS");
  return (
    <>
      <RowList
        label="API keys"
        className={showsAll ? "key-table key-table-all" : "key-table"}
        columns={columns}
        rows={list}
        nouns={["API key", "API keys"]}
        empty={<NoKeys isFiltered={filters.status !== "USABLE" || (showsAll && ownerId !== "")} mayGenerate={mayGenerate} />}
      />
      {dialog !== null && <KeyDialog {...dialog} maySetNetworks={mayGenerate} onClose={() => setDialog(null)} />}
    </>
  );
}

const QUERY = graphql`
  query KeyTableQuery($accountId: ID!, $after: String, $filter: ApiKeyFilter) {
    account(id: $accountId) {
      apiKeys(first: 100, after: $after, filter: $filter) {
        totalCount
        nodes {
          id
          name
          prefix
          status
          scopes
          expiresAt
          lastUsedAt
          allowedNetworks
          member {
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
