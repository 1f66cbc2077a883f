import { useState } from "react";
import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { AccountsPageQuery } from "../__generated__/AccountsPageQuery.graphql";
import type { PersonalPageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { EmptyState } from "../ui/EmptyState";
import { LeaveDialog } from "./LeaveDialog";
import { MembershipItem, type MembershipRow } from "./MembershipItem";
import { SignInNotice } from "./SignInNotice";
import { YouPage } from "./YouPage";

/** Accounts that the person is a member of. */
export default function AccountsPage({ viewer: { memberships: known }, onViewerChange }: PersonalPageProps) {
  const [left, setLeft] = useState<MembershipRow | null>(null);
  const { viewer } = useLoadedQuery<AccountsPageQuery>(
    graphql`
      query AccountsPageQuery {
        viewer {
          memberships {
            id
            ...MembershipItem_membership
          }
        }
      }
    `,
    {},
  );
  const memberships = viewer?.memberships ?? [];

  return (
    <YouPage title="Accounts" lead="The accounts that you are a member of.">
      <SignInNotice memberships={known} purpose="open or leave it" />
      {memberships.length === 0 ? (
        <EmptyState title="You are not a member of any account">
          <Link href="/">Create one</Link>, or open the link of an invitation.
        </EmptyState>
      ) : (
        <ul className="panel item-list" aria-label="Accounts">
          {memberships.map((membership) => (
            <MembershipItem key={membership.id} membership={membership} onLeave={setLeft} />
          ))}
        </ul>
      )}
      {left !== null && <LeaveDialog membership={left} onClose={() => setLeft(null)} onLeft={onViewerChange} />}
    </YouPage>
  );
}
