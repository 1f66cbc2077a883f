import { Suspense, lazy, useCallback, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { SessionGuardQuery } from "../__generated__/SessionGuardQuery.graphql";
import { SignInPage } from "../front/SignInPage";
import { announceSession, onPossibleSignIn, onSessionChange, sessionState, setSessionState } from "../relay/session";
import { closeWebSocket } from "../relay/subscribeOperation";
import type { Viewer } from "../relay/types";
import { useLoadedQuery } from "../relay/useLoadedQuery";

const SignInDialog = lazy(() => import("../front/SignInDialog"));

const QUERY = graphql`
  query SessionGuardQuery {
    viewer {
      user {
        id
        name
        email
      }
      memberships {
        id
        role
        account {
          id
          slug
          name
          reauthenticationRequired
          viewerPermissions
        }
      }
    }
  }
`;

interface Props {
  readonly children: (viewer: Viewer, reload: () => void) => ReactNode;
}

/**
 * Shows the app to a person who is signed in, and the sign-in form to others. When the session ends, what is shown stays,
 * with what was entered, under a dialog to sign in again.
 */
export function SessionGuard({ children }: Props) {
  const [loads, setLoads] = useState(0);
  const { viewer } = useLoadedQuery<SessionGuardQuery>(QUERY, {}, { version: loads });
  const state = useSyncExternalStore(onSessionChange, sessionState);
  const reload = useCallback(() => setLoads((count) => count + 1), []);
  const [shown, setShown] = useState(viewer);
  if (viewer !== shown && viewer !== null && viewer !== undefined) setShown(viewer);
  const isSignedOut = viewer === null || viewer === undefined;
  useEffect(() => {
    if (isSignedOut && shown !== null && shown !== undefined) setSessionState("ended");
  }, [isSignedOut, shown]);
  useEffect(() => {
    // The memberships say which account it is.
    if (state === "reauthentication") reload();
  }, [state, reload]);
  useSessionChecks(shown?.user.id, reload);
  useEffect(announceSession, []);

  if (shown === null || shown === undefined) return <SignInPage />;
  return (
    <>
      {children(shown, reload)}
      {state !== "open" && (
        <Suspense>
          <SignInDialog viewer={shown} hasEnded={state === "ended"} />
        </Suspense>
      )}
    </>
  );
}

/** Notices that the person has signed in or out in another tab. */
function useSessionChecks(userId: string | undefined, reload: () => void): void {
  const environment = useRelayEnvironment();
  useEffect(() => {
    async function check() {
      const response = await fetchQuery<SessionGuardQuery>(environment, QUERY, {}).toPromise();
      const viewer = response?.viewer;
      if (viewer === null || viewer === undefined) {
        if (userId !== undefined) setSessionState("ended");
      } else if (userId !== undefined && viewer.user.id !== userId) {
        location.assign("/");
      } else {
        if (sessionState() !== "open" && !isRefused(viewer)) {
          closeWebSocket();
          setSessionState("open");
        }
        reload();
      }
    }
    return onPossibleSignIn(() => void check().catch(() => undefined));
  }, [environment, userId, reload]);
}

/** Whether an account of the person still asks for a new sign-in: one that has just been made satisfies all of them. */
function isRefused({ memberships }: Viewer): boolean {
  return sessionState() === "reauthentication" && memberships.some(({ account }) => account.reauthenticationRequired);
}
