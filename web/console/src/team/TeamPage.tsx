import "./team.css";
import { useState } from "react";
import { useSearchParams } from "wouter";
import type { PageProps } from "../pages";
import { Button } from "../ui/Button";
import { PageHeader } from "../ui/PageHeader";
import { QueryBoundary } from "../ui/QueryBoundary";
import { PlusIcon } from "../ui/icons";
import { InvitationsView } from "./InvitationsView";
import { InviteDialog } from "./InviteDialog";
import { MembersView } from "./MembersView";
import { TeamTabs } from "./TeamTabs";

/** Members of the account and, for those who may invite, invitations. */
export default function TeamPage({ accountId, memberId, permissions }: PageProps) {
  const [parameters] = useSearchParams();
  const [isInviting, setIsInviting] = useState(false);
  const mayInvite = permissions.has("INVITE_MEMBERS");
  const showsInvitations = mayInvite && parameters.get("view") === "invitations";

  return (
    <>
      <PageHeader title="Team" lead="Who works in this account, and what each person may do.">
        {mayInvite && (
          <Button kind="primary" onPress={() => setIsInviting(true)}>
            <PlusIcon /> Invite people
          </Button>
        )}
      </PageHeader>
      {mayInvite && <TeamTabs showsInvitations={showsInvitations} />}
      <QueryBoundary>
        {showsInvitations ? (
          <InvitationsView accountId={accountId} permissions={permissions} />
        ) : (
          <MembersView accountId={accountId} memberId={memberId} permissions={permissions} />
        )}
      </QueryBoundary>
      {isInviting && <InviteDialog accountId={accountId} onClose={() => setIsInviting(false)} />}
    </>
  );
}
