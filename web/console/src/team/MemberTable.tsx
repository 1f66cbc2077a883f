import { useMemo, useState } from "react";
import { graphql } from "react-relay/hooks";
import type { MemberTableQuery, MemberTableQuery$data } from "../__generated__/MemberTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { EmptyState } from "../ui/EmptyState";
import { RowList } from "../ui/RowList";
import { BulkDialog } from "./BulkDialog";
import { MemberDialog, type MemberDialogKind } from "./MemberDialog";
import { memberColumns } from "./memberColumns";
import { SelectionBar, type BulkDialogName } from "./SelectionBar";
import { filterInput, type MemberFilters } from "./useMemberFilters";
import { useMemberSelection } from "./useMemberSelection";

export type MemberRow = NonNullable<NonNullable<MemberTableQuery$data["account"]>["members"]>["nodes"][number];

interface Props extends Pick<PageProps, "accountId" | "memberId" | "permissions"> {
  readonly filters: MemberFilters;
}

const SHOWN_ACTIONS = /^(MEMBER|OWNERSHIP|PERSON)_/;

export function MemberTable({ accountId, memberId, permissions, filters }: Props) {
  const list = useLiveRows<MemberTableQuery, MemberRow>({
    query: QUERY,
    variables: { accountId, filter: filterInput(filters), order: filters.order, showsEmails: permissions.has("INVITE_MEMBERS") },
    connectionOf: ({ account }) => account?.members,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
  });
  const state = list?.snapshot();
  const rows = useMemo(() => list?.rows() ?? [], [list, state]);
  const [dialog, setDialog] = useState<{ readonly kind: MemberDialogKind; readonly member: MemberRow } | null>(null);
  const [bulkDialog, setBulkDialog] = useState<BulkDialogName | null>(null);
  const selection = useMemberSelection(rows);
  const columns = useMemo(
    () =>
      memberColumns({
        rows,
        permissions,
        viewerMemberId: memberId,
        selection,
        onOpen: (kind, member) => setDialog({ kind, member }),
      }),
    [rows, permissions, memberId, selection],
  );
  if (list === null) return null;

  return (
    <>
      <RowList
        label="Members"
        className={permissions.has("ASSIGN_ROLES") ? "member-table" : "member-table member-table-plain"}
        columns={columns}
        rows={list}
        nouns={["member", "members"]}
        header={
          selection.members.length > 0 ? (
            <SelectionBar selection={selection} permissions={permissions} onOpen={setBulkDialog} />
          ) : undefined
        }
        empty={<EmptyState title="Nobody matches">Change the search or the filters.</EmptyState>}
      />
      {dialog !== null && (
        <MemberDialog
          {...dialog}
          isViewer={dialog.member.id === memberId}
          accountId={accountId}
          onClose={() => setDialog(null)}
        />
      )}
      {bulkDialog !== null && (
        <BulkDialog
          name={bulkDialog}
          accountId={accountId}
          viewerMemberId={memberId}
          members={selection.members}
          onClose={() => setBulkDialog(null)}
          onChanged={selection.clear}
        />
      )}
    </>
  );
}

const QUERY = graphql`
  query MemberTableQuery($accountId: ID!, $after: String, $filter: MemberFilter, $order: MemberOrder, $showsEmails: Boolean!) {
    account(id: $accountId) {
      members(first: 100, after: $after, filter: $filter, orderBy: $order) {
        totalCount
        nodes {
          id
          name
          email @include(if: $showsEmails)
          role
          isOwner
          joinedAt
          lastActiveAt
          accessUntil
          removedAt
        }
        pageInfo {
          endCursor
          hasNextPage
        }
      }
    }
  }
`;
