import { graphql } from "react-relay/hooks";
import type { LeaveDialogMutation } from "../__generated__/LeaveDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { showSuccess } from "../ui/toasts";
import { LeavingPreview } from "./LeavingPreview";
import type { MembershipRow } from "./MembershipItem";

interface Props {
  readonly membership: MembershipRow;
  readonly onClose: () => void;
  readonly onLeft: () => void;
}

/** Shows what leaving would do before it is done. */
export function LeaveDialog({ membership: { id, account }, onClose, onLeft }: Props) {
  const [leave] = useChange<LeaveDialogMutation>(graphql`
    mutation LeaveDialogMutation($input: LeaveAccountInput!) {
      leaveAccount(input: $input) {
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { leaveAccount } = await leave({ input: { accountId: account.id } });
    const problems = leaveAccount?.userErrors ?? [];
    if (problems.length === 0) {
      showSuccess(`You have left ${account.name}.`);
      onLeft();
    }
    return problems;
  }

  return (
    <FormDialog title={`Leave ${account.name}?`} submitLabel="Leave" isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        You lose access to this account at once. Only a new invitation brings you back. The audit log keeps your name.
      </p>
      <QueryBoundary>
        <LeavingPreview accountId={account.id} memberId={id} />
      </QueryBoundary>
    </FormDialog>
  );
}
