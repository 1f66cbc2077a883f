import { graphql } from "react-relay/hooks";
import type { RevokeOthersDialogMutation } from "../__generated__/RevokeOthersDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";

interface Props {
  /** Number of other sessions, as far as this page knows. */
  readonly count: number;
  readonly onClose: () => void;
  readonly onRevoked: () => void;
}

export function RevokeOthersDialog({ count, onClose, onRevoked }: Props) {
  const [revoke] = useChange<RevokeOthersDialogMutation>(graphql`
    mutation RevokeOthersDialogMutation {
      revokeOtherSessions {
        revoked
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { revokeOtherSessions } = await revoke({});
    const problems = revokeOtherSessions?.userErrors ?? [];
    if (problems.length === 0) {
      const revoked = revokeOtherSessions?.revoked ?? 0;
      showSuccess(revoked === 1 ? "1 session has ended." : `${revoked} sessions have ended.`);
      onRevoked();
    }
    return problems;
  }

  return (
    <FormDialog title="Revoke all other sessions?" submitLabel="Revoke" isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        {count === 1 ? "The other session is" : `The ${count} other sessions are`} signed out at once, in all of your accounts.
        You stay signed in here. API keys keep working.
      </p>
    </FormDialog>
  );
}
