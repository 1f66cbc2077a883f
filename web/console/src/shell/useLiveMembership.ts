import { useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { graphql, useRelayEnvironment, useSubscription } from "react-relay/hooks";
import { commitLocalUpdate } from "relay-runtime";
import type { useLiveMembershipSubscription } from "../__generated__/useLiveMembershipSubscription.graphql";
import { onSessionChange, sessionResumptions } from "../relay/session";
import type { Membership } from "../relay/types";
import { roleTitle } from "../roles";
import { showSuccess } from "../ui/toasts";

const SUBSCRIPTION = graphql`
  subscription useLiveMembershipSubscription($accountId: ID!) {
    viewerMemberChanged(accountId: $accountId) {
      id
      role
      isOwner
      accessUntil
      account {
        id
        reauthenticationRequired
        viewerPermissions
      }
    }
  }
`;

/** Keeps role and permissions as they are now. When the membership has ended, calls `onEnd`. */
export function useLiveMembership({ role, account }: Membership, onEnd: () => void): void {
  const environment = useRelayEnvironment();
  const resumptions = useSyncExternalStore(onSessionChange, sessionResumptions);
  useSubscription<useLiveMembershipSubscription>(
    useMemo(
      () => ({
        subscription: SUBSCRIPTION,
        variables: { accountId: account.id },
        onCompleted: onEnd,
        onError: onEnd,
      }),
      // A new number of resumptions begins the subscription again.
      [account.id, onEnd, resumptions],
    ),
  );

  const previous = useRef(role);
  useEffect(() => {
    if (previous.current === role) return;
    previous.current = role;
    // What the former role could see must not be shown from the store.
    commitLocalUpdate(environment, (store) => store.invalidateStore());
    showSuccess(`Your role in ${account.name} is now ${roleTitle(role)}.`);
  }, [environment, role, account.name]);
}
