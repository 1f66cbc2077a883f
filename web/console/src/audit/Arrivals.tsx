import { useMemo, useRef, useSyncExternalStore } from "react";
import { graphql, useSubscription } from "react-relay/hooks";
import type { ArrivalsSubscription } from "../__generated__/ArrivalsSubscription.graphql";
import { onSessionChange, sessionResumptions } from "../relay/session";

interface Props {
  readonly accountId: string;
  /** Sequence number of the log's newest event when the list was read. */
  readonly head: number;
  /** Receives the sequence number of each event after it. None is missed. */
  readonly onArrival: (sequence: number) => void;
}

/** Follows the log. Shows nothing. */
export function Arrivals({ accountId, head, onArrival }: Props) {
  const newest = useRef(head);
  const resumptions = useSyncExternalStore(onSessionChange, sessionResumptions);
  useSubscription<ArrivalsSubscription>(
    useMemo(
      () => ({
        subscription: graphql`
          subscription ArrivalsSubscription($accountId: ID!, $afterSequence: BigInt) {
            auditLogAppended(accountId: $accountId, afterSequence: $afterSequence) {
              sequence
            }
          }
        `,
        variables: { accountId, afterSequence: newest.current },
        onNext: (response) => {
          newest.current = response?.auditLogAppended.sequence ?? newest.current;
          onArrival(newest.current);
        },
        // The shell follows what ends it: the session and the role.
        onError: () => undefined,
      }),
      // A new number of resumptions begins the subscription again.
      [accountId, onArrival, resumptions],
    ),
  );
  return null;
}
