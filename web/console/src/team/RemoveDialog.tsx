import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { RemoveDialogMutation } from "../__generated__/RemoveDialogMutation.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { showSuccess } from "../ui/toasts";
import type { MemberRow } from "./MemberTable";
import { OffboardingPreview } from "./OffboardingPreview";

interface Props {
  readonly member: MemberRow;
  readonly accountId: string;
  readonly onClose: () => void;
}

/** Shows what a removal would do before it is made. */
export function RemoveDialog({ member, accountId, onClose }: Props) {
  const [receiverId, setReceiverId] = useState<string | null>(null);
  const [removeMember] = useChange<RemoveDialogMutation>(graphql`
    mutation RemoveDialogMutation($input: RemoveMemberInput!) {
      removeMember(input: $input) {
        member {
          id
          removedAt
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const response = await removeMember({ input: { memberId: member.id, transferLicensesTo: receiverId } });
    const problems = response.removeMember?.userErrors ?? [];
    if (problems.length === 0) showSuccess(`${member.name} was removed.`);
    return problems;
  }

  return (
    <FormDialog title={`Remove ${member.name}?`} submitLabel="Remove" isDestructive onClose={onClose} onSubmit={submit}>
      <p>{member.name} loses access to this account at once. The audit log keeps the name.</p>
      <QueryBoundary>
        <OffboardingPreview memberId={member.id} />
      </QueryBoundary>
      <MemberPicker
        label="Licenses pass to"
        description="If you choose nobody, the owner receives them."
        placeholder="The owner"
        accountId={accountId}
        exceptId={member.id}
        onChange={setReceiverId}
      />
    </FormDialog>
  );
}
