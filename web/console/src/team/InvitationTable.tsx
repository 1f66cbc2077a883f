import { useMemo, useState } from "react";
import { graphql } from "react-relay/hooks";
import type { InvitationTableQuery, InvitationTableQuery$data } from "../__generated__/InvitationTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { EmptyState } from "../ui/EmptyState";
import { RowList } from "../ui/RowList";
import { RevokeDialog } from "./RevokeDialog";
import { invitationColumns } from "./invitationColumns";
import type { InvitationFilters } from "./useInvitationFilters";

export type InvitationRow = NonNullable<NonNullable<InvitationTableQuery$data["account"]>["invitations"]>["nodes"][number];

interface Props extends Pick<PageProps, "accountId" | "permissions"> {
  readonly filters: InvitationFilters;
}

const SHOWN_ACTIONS = /^(MEMBER_(INVITED|JOINED)$|INVITATION_)/;

export function InvitationTable({ accountId, permissions, filters: { status, email } }: Props) {
  const list = useLiveRows<InvitationTableQuery, InvitationRow>({
    query: QUERY,
    variables: { accountId, filter: { statuses: status === "ALL" ? null : [status], email: email.trim() || null } },
    connectionOf: ({ account }) => account?.invitations,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
    isChanging,
  });
  const [revoked, setRevoked] = useState<InvitationRow | null>(null);
  const columns = useMemo(() => invitationColumns({ onRevoke: setRevoked }), []);
  if (list === null) return null;
  return (
    <>
      <RowList
        label="Invitations"
        className="invitation-table"
        columns={columns}
        rows={list}
        nouns={["invitation", "invitations"]}
        empty={
          status === "PENDING" && email.trim() === "" ? (
            <EmptyState title="No pending invitations">People whom you invite are here until they join.</EmptyState>
          ) : (
            <EmptyState title="No invitation matches">Change the address or the status.</EmptyState>
          )
        }
      />
      {revoked !== null && <RevokeDialog invitation={revoked} onClose={() => setRevoked(null)} />}
    </>
  );
}

/** The email is on its way. */
function isChanging({ status, delivery }: InvitationRow): boolean {
  return status === "PENDING" && delivery === "QUEUED";
}

const QUERY = graphql`
  query InvitationTableQuery($accountId: ID!, $after: String, $filter: InvitationFilter) {
    account(id: $accountId) {
      invitations(first: 100, after: $after, filter: $filter) {
        totalCount
        nodes {
          id
          email
          role
          status
          delivery
          deliveryError
          acceptedBy {
            id
            name
          }
          createdAt
          expiresAt
          accessUntil
          invitedBy {
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
