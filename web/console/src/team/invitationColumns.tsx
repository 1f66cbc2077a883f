import { roleTitle } from "../roles";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";
import type { Column } from "../ui/GridRow";
import { InvitationMenu } from "./InvitationMenu";
import { InvitationState } from "./InvitationState";
import type { InvitationRow } from "./InvitationTable";

interface Options {
  readonly onRevoke: (invitation: InvitationRow) => void;
}

export function invitationColumns({ onRevoke }: Options): readonly Column<InvitationRow>[] {
  return [
    {
      id: "email",
      header: "Invited",
      isRowHeader: true,
      cell: ({ email, invitedBy, createdAt }) => (
        <span className="identity-text">
          <strong>{email}</strong>
          <span className="hint">
            by {invitedBy.name}, <RelativeTime value={createdAt} />
          </span>
        </span>
      ),
    },
    {
      id: "role",
      header: "Role",
      cell: ({ role, accessUntil }) => (
        <span className="identity-text">
          {roleTitle(role)}
          {typeof accessUntil === "string" && (
            <span className="hint">
              until <Time value={accessUntil} detail="day" />
            </span>
          )}
        </span>
      ),
    },
    { id: "state", header: "Status", cell: (invitation) => <InvitationState invitation={invitation} /> },
    { id: "expires", header: "Link valid until", cell: ({ expiresAt }) => <Time value={expiresAt} /> },
    {
      id: "menu",
      header: <span className="visually-hidden">Actions</span>,
      cell: (invitation, tabIndex) => (
        <InvitationMenu invitation={invitation} isInTabOrder={tabIndex === 0} onRevoke={() => onRevoke(invitation)} />
      ),
    },
  ];
}
