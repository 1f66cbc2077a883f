import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { TransferDialogMutation } from "../__generated__/TransferDialogMutation.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";

interface Props {
  readonly accountId: string;
  readonly ownerId: string;
  readonly onClose: () => void;
}

/** Says what a transfer does before it is made: the person cannot take it back. */
export function TransferDialog({ accountId, ownerId, onClose }: Props) {
  const [memberId, setMemberId] = useState<string | null>(null);
  const [transfer] = useChange<TransferDialogMutation>(graphql`
    mutation TransferDialogMutation($input: TransferOwnershipInput!) {
      transferOwnership(input: $input) {
        account {
          id
          owner {
            id
            name
            role
            isOwner
          }
          viewerMember {
            id
            isOwner
          }
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    if (memberId === null) return [{ message: "Choose the member who becomes the owner.", path: ["memberId"] }];
    const { transferOwnership } = await transfer({ input: { accountId, memberId } });
    const name = transferOwnership?.account?.owner.name;
    if (name !== undefined) showSuccess(`${name} is now the owner.`);
    return transferOwnership?.userErrors ?? [];
  }

  return (
    <FormDialog
      title="Transfer the ownership?"
      submitLabel="Transfer"
      fieldNames={["memberId"]}
      isDestructive
      onClose={onClose}
      onSubmit={submit}
    >
      <div>
        <p>At once, and without being asked, the new owner</p>
        <ul className="consequences">
          <li>becomes an Admin, if it is not one yet,</li>
          <li>is billed for all purchases from then on,</li>
          <li>is the only one who can transfer the ownership again.</li>
        </ul>
      </div>
      <p>You stay an Admin. Both of you are emailed.</p>
      <MemberPicker
        name="memberId"
        label="New owner"
        placeholder="Name of a member"
        accountId={accountId}
        exceptId={ownerId}
        onChange={setMemberId}
      />
    </FormDialog>
  );
}
