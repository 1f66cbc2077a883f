import { graphql } from "react-relay/hooks";
import type { DeleteStreamDialogMutation } from "../__generated__/DeleteStreamDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import { hostOf } from "./streamUrls";

interface Props {
  readonly stream: { readonly id: string; readonly url: string };
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function DeleteStreamDialog({ stream: { id, url }, onClose, onDeleted }: Props) {
  const [deleteStream] = useChange<DeleteStreamDialogMutation>(graphql`
    mutation DeleteStreamDialogMutation($input: DeleteAuditStreamInput!) {
      deleteAuditStream(input: $input) {
        auditStream {
          id
          deletedAt
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { deleteAuditStream } = await deleteStream({ input: { auditStreamId: id } });
    const problems = deleteAuditStream?.userErrors ?? [];
    if (problems.length === 0) {
      showSuccess(`The audit stream to ${hostOf(url)} was deleted.`);
      onDeleted();
    }
    return problems;
  }

  return (
    <FormDialog title="Delete the audit stream?" submitLabel="Delete" isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        {hostOf(url)} receives no more events, also none that wait now. They stay in the audit log. An audit stream that you create
        later can start with any event of the log.
      </p>
    </FormDialog>
  );
}
