import { graphql, useFragment } from "react-relay/hooks";
import type { SessionItem_session$data, SessionItem_session$key } from "../__generated__/SessionItem_session.graphql";
import { Badge } from "../ui/Badge";
import { Button } from "../ui/Button";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";
import { clientName } from "./clientName";

export type SessionRow = SessionItem_session$data;

interface Props {
  readonly session: SessionItem_session$key;
  readonly onRevoke: (session: SessionRow) => void;
}

export function SessionItem({ session, onRevoke }: Props) {
  const row = useFragment(
    graphql`
      fragment SessionItem_session on Session {
        id
        createdAt
        lastUsedAt
        expiresAt
        ip
        userAgent
        isCurrent
      }
    `,
    session,
  );
  const client = clientName(row.userAgent);
  return (
    <li>
      <span className="item-text">
        <span className="item-title">
          <strong title={row.userAgent ?? undefined}>{client}</strong>
          {row.isCurrent && <Badge kind="good">This session</Badge>}
        </span>
        <span className="hint">
          Last used <RelativeTime value={row.lastUsedAt} />
        </span>
        <span className="hint">
          Signed in <Time value={row.createdAt} />
          {typeof row.ip === "string" && ` from ${row.ip}`}
        </span>
        <span className="hint">
          Ends <Time value={row.expiresAt} detail="day" /> unless it is used before then
        </span>
      </span>
      {!row.isCurrent && (
        <Button aria-label={`Revoke the session of ${client}`} onPress={() => onRevoke(row)}>
          Revoke …
        </Button>
      )}
    </li>
  );
}
