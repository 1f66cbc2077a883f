import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import type { useInvitationChangesResendMutation } from "../__generated__/useInvitationChangesResendMutation.graphql";
import type { useInvitationChangesRoleMutation } from "../__generated__/useInvitationChangesRoleMutation.graphql";
import type { Role } from "../relay/types";
import { useChange } from "../relay/useChange";
import { roleTitle } from "../roles";
import { reported } from "../ui/reported";
import type { InvitationRow } from "./InvitationTable";

type Invited = Pick<InvitationRow, "id" | "email" | "expiresAt">;

/**
 * Changes of an invitation that need no form. Both send a new link, and the old one stops working. They are shown at once, and
 * taken back with the reason when the server refuses them.
 */
export function useInvitationChanges() {
  const [sendResend] = useChange<useInvitationChangesResendMutation>(graphql`
    mutation useInvitationChangesResendMutation($input: ResendInvitationInput!) {
      resendInvitation(input: $input) {
        invitation {
          id
          status
          delivery
          deliveryError
          expiresAt
        }
        userErrors {
          message
        }
      }
    }
  `);
  const [sendRole] = useChange<useInvitationChangesRoleMutation>(graphql`
    mutation useInvitationChangesRoleMutation($input: ChangeInvitationRoleInput!) {
      changeInvitationRole(input: $input) {
        invitation {
          id
          role
          status
          delivery
          deliveryError
          expiresAt
        }
        userErrors {
          message
        }
      }
    }
  `);

  const resend = useCallback(
    ({ id, email, expiresAt }: Invited) =>
      reported(`A new link is on its way to ${email}.`, async () => {
        const invitation = { id, expiresAt, ...ON_ITS_WAY };
        const { resendInvitation } = await sendResend(
          { input: { invitationId: id } },
          { optimisticResponse: { resendInvitation: { invitation, userErrors: [] } } },
        );
        return resendInvitation?.userErrors ?? [];
      }),
    [sendResend],
  );
  const changeRole = useCallback(
    ({ id, email, expiresAt }: Invited, role: Role) =>
      reported(`${email} is now invited as ${roleTitle(role)}.`, async () => {
        const invitation = { id, role, expiresAt, ...ON_ITS_WAY };
        const { changeInvitationRole } = await sendRole(
          { input: { invitationId: id, role } },
          { optimisticResponse: { changeInvitationRole: { invitation, userErrors: [] } } },
        );
        return changeInvitationRole?.userErrors ?? [];
      }),
    [sendRole],
  );
  return { resend, changeRole };
}

const ON_ITS_WAY = { status: "PENDING", delivery: "QUEUED", deliveryError: null } as const;
