import { useEffect, useState } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { useOffboardingSumQuery, useOffboardingSumQuery$data } from "../__generated__/useOffboardingSumQuery.graphql";

export interface OffboardingSum {
  readonly readMembers: number;
  readonly activeLicenses: number;
  readonly activeApiKeys: number;
  readonly pendingInvitations: number;
  /** Whether a member has more keys or invitations than the API lists. */
  readonly isMinimum: boolean;
}

const NOTHING: OffboardingSum = { readMembers: 0, activeLicenses: 0, activeApiKeys: 0, pendingInvitations: 0, isMinimum: false };
const MEMBERS_OF_A_REQUEST = 50;
const MOST_LISTED = 100;

/** What the members hold, read in parts. A failure is thrown when the component is drawn. */
export function useOffboardingSum(members: readonly { readonly id: string }[]): OffboardingSum {
  const environment = useRelayEnvironment();
  const [sum, setSum] = useState(NOTHING);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let isCurrent = true;
    async function read() {
      let total = NOTHING;
      while (isCurrent && total.readMembers < members.length) {
        const ids = members.slice(total.readMembers, total.readMembers + MEMBERS_OF_A_REQUEST).map(({ id }) => id);
        const response = await fetchQuery<useOffboardingSumQuery>(environment, QUERY, { ids }).toPromise();
        total = added(total, response?.nodes ?? [], ids.length);
        if (isCurrent) setSum(total);
      }
    }
    read().catch((failure: unknown) => isCurrent && setError(failure));
    return () => {
      isCurrent = false;
    };
  }, [environment, members]);
  if (error !== null) throw error;
  return sum;
}

function added(sum: OffboardingSum, nodes: useOffboardingSumQuery$data["nodes"], readMembers: number): OffboardingSum {
  let { activeLicenses, activeApiKeys, pendingInvitations, isMinimum } = sum;
  for (const offboarding of nodes.flatMap((node) => node?.offboarding ?? [])) {
    const [keys, invitations] = [offboarding.activeApiKeys.length, offboarding.pendingInvitations.length];
    activeLicenses += offboarding.activeLicenses;
    activeApiKeys += keys;
    pendingInvitations += invitations;
    isMinimum ||= Math.max(keys, invitations) === MOST_LISTED;
  }
  return { readMembers: sum.readMembers + readMembers, activeLicenses, activeApiKeys, pendingInvitations, isMinimum };
}

const QUERY = graphql`
  query useOffboardingSumQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      ... on Member {
        id
        offboarding {
          activeLicenses
          activeApiKeys {
            id
          }
          pendingInvitations {
            id
          }
        }
      }
    }
  }
`;
