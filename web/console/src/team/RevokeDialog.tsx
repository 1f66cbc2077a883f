import { graphql } from "react-relay/hooks";
import type { RevokeDialogMutation } from "../__generated__/RevokeDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import type { InvitationRow } from "./InvitationTable";

interface Props {
  readonly invitation: InvitationRow;
  readonly onClose: () => void;
}

export function RevokeDialog({ invitation, onClose }: Props) {
  const [revoke] = useChange<RevokeDialogMutation>(graphql`
    mutation RevokeDialogMutation($input: RevokeInvitationInput!) {
      revokeInvitation(input: $input) {
        invitation {
          id
          status
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { revokeInvitation } = await revoke({ input: { invitationId: invitation.id } });
    const problems = revokeInvitation?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`The invitation of ${invitation.email} was revoked.`);
    return problems;
  }

  return (
    <FormDialog title="Revoke the invitation?" submitLabel="Revoke" isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        The link that {invitation.email} received stops working. You can invite the address again later.
      </p>
    </FormDialog>
  );
}
