import { graphql } from "react-relay/hooks";
import type { RevokeSessionDialogMutation } from "../__generated__/RevokeSessionDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import { clientName } from "./clientName";
import type { SessionRow } from "./SessionItem";

interface Props {
  readonly session: SessionRow;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeSessionDialog({ session, onClose, onRevoked }: Props) {
  const client = clientName(session.userAgent);
  const [revoke] = useChange<RevokeSessionDialogMutation>(graphql`
    mutation RevokeSessionDialogMutation($input: RevokeSessionInput!) {
      revokeSession(input: $input) {
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { revokeSession } = await revoke({ input: { sessionId: session.id } });
    const problems = revokeSession?.userErrors ?? [];
    if (problems.length === 0) {
      showSuccess(`The session of ${client} has ended.`);
      onRevoked();
    }
    return problems;
  }

  return (
    <FormDialog title="Revoke this session?" submitLabel="Revoke" isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        <strong>{client}</strong> is signed out at once, in all of your accounts. Using it again takes a new sign-in link. API
        keys keep working.
      </p>
    </FormDialog>
  );
}
