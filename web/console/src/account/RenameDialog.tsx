import { graphql } from "react-relay/hooks";
import type { RenameDialogMutation } from "../__generated__/RenameDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { TextField } from "../ui/TextField";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";

interface Props {
  readonly accountId: string;
  readonly name: string;
  readonly onClose: () => void;
}

export function RenameDialog({ accountId, name: current, onClose }: Props) {
  const [{ name }, change] = useEdits(`rename:${accountId}`, { name: current });
  const [update] = useChange<RenameDialogMutation>(graphql`
    mutation RenameDialogMutation($input: UpdateAccountInput!) {
      updateAccount(input: $input) {
        account {
          id
          name
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { updateAccount } = await update({ input: { accountId, name } });
    if (updateAccount?.account) showSuccess(`The account is now named ${updateAccount.account.name}.`);
    return updateAccount?.userErrors ?? [];
  }

  return (
    <FormDialog title="Rename the account" submitLabel="Rename" fieldNames={["name"]} onClose={onClose} onSubmit={submit}>
      <TextField
        name="name"
        label="Name of the account"
        description="Members see it at once, and so do people who open an invitation. Invoices show it unless the billing details name a company."
        autoFocus
        isRequired
        maxLength={100}
        value={name}
        onChange={(text) => change({ name: text })}
      />
    </FormDialog>
  );
}
