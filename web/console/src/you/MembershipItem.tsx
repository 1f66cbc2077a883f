import { graphql, useFragment } from "react-relay/hooks";
import { Link } from "wouter";
import type { MembershipItem_membership$data, MembershipItem_membership$key } from "../__generated__/MembershipItem_membership.graphql";
import { accountUrl } from "../pages";
import { roleTitle } from "../roles";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { Time } from "../ui/Time";

export type MembershipRow = MembershipItem_membership$data;

interface Props {
  readonly membership: MembershipItem_membership$key;
  readonly onLeave: (membership: MembershipRow) => void;
}

export function MembershipItem({ membership, onLeave }: Props) {
  const row = useFragment(
    graphql`
      fragment MembershipItem_membership on Member {
        id
        role
        isOwner
        joinedAt
        accessUntil
        account {
          id
          name
          slug
          reauthenticationRequired
        }
      }
    `,
    membership,
  );
  const { account } = row;
  return (
    <li>
      <span className="item-text">
        <span className="item-title">
          <Link href={accountUrl(account.slug)}>{account.name}</Link>
          <Badge kind={row.role === "ADMIN" ? "accent" : "plain"}>{roleTitle(row.role)}</Badge>
          {row.isOwner && <Badge>Owner</Badge>}
          {account.reauthenticationRequired && <Badge kind="warning">Sign-in required</Badge>}
        </span>
        <span className="hint">
          Joined <Time value={row.joinedAt} detail="day" />
          {typeof row.accessUntil === "string" && (
            <>
              , access until <Time value={row.accessUntil} />
            </>
          )}
        </span>
        {row.isOwner && <span className="hint">The owner cannot leave. Transfer the ownership to another Admin first.</span>}
      </span>
      {!row.isOwner && !account.reauthenticationRequired && (
        <Button aria-label={`Leave ${account.name}`} onPress={() => onLeave(row)}>
          Leave …
        </Button>
      )}
    </li>
  );
}
