import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { SessionsPageQuery } from "../__generated__/SessionsPageQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";
import { RevokeOthersDialog } from "./RevokeOthersDialog";
import { RevokeSessionDialog } from "./RevokeSessionDialog";
import { SessionItem, type SessionRow } from "./SessionItem";
import { YouPage } from "./YouPage";

/** Where the person is signed in. */
export default function SessionsPage() {
  const [changes, setChanges] = useState(0);
  const [revoked, setRevoked] = useState<SessionRow | null>(null);
  const [isRevokingOthers, setIsRevokingOthers] = useState(false);
  const { viewer } = useLoadedQuery<SessionsPageQuery>(
    graphql`
      query SessionsPageQuery {
        viewer {
          sessions {
            id
            isCurrent
            ...SessionItem_session
          }
        }
      }
    `,
    {},
    { version: changes },
  );
  const sessions = viewer?.sessions ?? [];
  const sorted = [...sessions.filter(({ isCurrent }) => isCurrent), ...sessions.filter(({ isCurrent }) => !isCurrent)];
  const reload = () => setChanges((count) => count + 1);

  return (
    <YouPage
      title="Sessions"
      lead="Browsers and programs in which you are signed in."
      action={sessions.length > 1 && <Button onPress={() => setIsRevokingOthers(true)}>Revoke all others …</Button>}
    >
      <ul className="panel item-list" aria-label="Sessions">
        {sorted.map((session) => (
          <SessionItem key={session.id} session={session} onRevoke={setRevoked} />
        ))}
      </ul>
      <p className="hint">
        You do not recognize one? Revoke it. Nobody can sign in without your mailbox: if somebody else could read it, change
        its password too.
      </p>
      {revoked !== null && (
        <RevokeSessionDialog session={revoked} onClose={() => setRevoked(null)} onRevoked={reload} />
      )}
      {isRevokingOthers && (
        <RevokeOthersDialog
          count={sessions.length - 1}
          onClose={() => setIsRevokingOthers(false)}
          onRevoked={reload}
        />
      )}
    </YouPage>
  );
}
