import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import type { useChangeMemberRoleMutation } from "../__generated__/useChangeMemberRoleMutation.graphql";
import type { Role } from "../relay/types";
import { useChange } from "../relay/useChange";
import { roleTitle } from "../roles";
import { reported } from "../ui/reported";

/** Changes a role, shows it at once, and takes it back with the reason when the server refuses it. */
export function useChangeMemberRole(): (member: { id: string; name: string }, role: Role) => Promise<void> {
  const [change] = useChange<useChangeMemberRoleMutation>(graphql`
    mutation useChangeMemberRoleMutation($input: ChangeMemberRoleInput!) {
      changeMemberRole(input: $input) {
        member {
          id
          role
        }
        userErrors {
          message
        }
      }
    }
  `);
  return useCallback(
    ({ id, name }, role) =>
      reported(`${name} is now ${roleTitle(role)}.`, async () => {
        const { changeMemberRole } = await change(
          { input: { memberId: id, role } },
          { optimisticResponse: { changeMemberRole: { member: { id, role }, userErrors: [] } } },
        );
        return (changeMemberRole?.userErrors ?? []).map(({ message }) => ({ message: `${name}: ${message}` }));
      }),
    [change],
  );
}
