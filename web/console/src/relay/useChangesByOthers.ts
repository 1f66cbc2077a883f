import { useEffect, useRef, useSyncExternalStore } from "react";
import { graphql, useRelayEnvironment } from "react-relay/hooks";
import { requestSubscription } from "relay-runtime";
import type { useChangesByOthersSubscription } from "../__generated__/useChangesByOthersSubscription.graphql";
import { onPossibleChange } from "./changes";
import { onSessionChange, sessionResumptions } from "./session";
import type { Permission } from "./types";
import { whileVisible } from "./whileVisible";

const INTERVAL_MILLISECONDS = 1_000;
const REFRESH_SECONDS = 30;

export interface Changes {
  readonly accountId: string;
  readonly permissions: ReadonlySet<Permission>;
  /** Matches the actions of the audit log that change what is shown. */
  readonly actions: RegExp;
  /** Reads again what is shown. Called once a second at most. */
  readonly refresh: () => void;
}

/**
 * Refreshes what can change: after a change that was made in this browser; after one of others at once where the viewer sees the
 * account's audit log, otherwise when the person returns to the tab; and every half minute.
 */
export function useChangesByOthers({ accountId, permissions, actions, refresh }: Changes): void {
  const environment = useRelayEnvironment();
  const resumptions = useSyncExternalStore(onSessionChange, sessionResumptions);
  const followsLog = permissions.has("VIEW_AUDIT_LOG");
  const current = useRef(refresh);
  useEffect(() => {
    current.current = refresh;
  }, [refresh]);
  useEffect(() => {
    const soon = atMostOnceIn(INTERVAL_MILLISECONDS, () => current.current());
    const forget = onPossibleChange(soon.call);
    const stop = whileVisible(REFRESH_SECONDS, soon.call);
    const log = followsLog
      ? requestSubscription<useChangesByOthersSubscription>(environment, {
          subscription: SUBSCRIPTION,
          variables: { accountId },
          onNext: (response) => {
            if (actions.test(response?.auditLogAppended.action ?? "")) soon.call();
          },
          // The shell follows what ends it: the session and the role.
          onError: () => undefined,
        })
      : null;
    return () => {
      forget();
      stop();
      soon.cancel();
      log?.dispose();
    };
    // A new number of resumptions begins the subscription again.
  }, [environment, accountId, followsLog, actions, resumptions]);
}

function atMostOnceIn(milliseconds: number, act: () => void) {
  let last = 0;
  let timer: number | undefined;
  return {
    call: () => {
      timer ??= window.setTimeout(
        () => {
          timer = undefined;
          last = Date.now();
          act();
        },
        Math.max(0, last + milliseconds - Date.now()),
      );
    },
    cancel: () => window.clearTimeout(timer),
  };
}

const SUBSCRIPTION = graphql`
  subscription useChangesByOthersSubscription($accountId: ID!) {
    auditLogAppended(accountId: $accountId) {
      action
    }
  }
`;
