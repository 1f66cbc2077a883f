import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { BulkRemoveFormMutation } from "../__generated__/BulkRemoveFormMutation.graphql";
import { MemberPicker } from "../pickers/MemberPicker";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import { QueryBoundary } from "../ui/QueryBoundary";
import { BulkForm, type BulkFormProps } from "./BulkForm";
import { BulkOffboarding } from "./BulkOffboarding";

/** Shows what the removal of many would do before it is made. */
export function BulkRemoveForm({ accountId, members, includesViewer, ...form }: BulkFormProps) {
  const [receiverId, setReceiverId] = useState<string | null>(null);
  const idempotencyKey = useIdempotencyKey();
  const [removeMembers] = useChange<BulkRemoveFormMutation>(graphql`
    mutation BulkRemoveFormMutation($input: RemoveMembersInput!) {
      removeMembers(input: $input) {
        results {
          member {
            id
            removedAt
          }
          userErrors {
            message
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
    const input = { accountId, memberIds: members.map(({ id }) => id), transferLicensesTo: receiverId };
    return (await removeMembers({ input: { ...input, idempotencyKey: idempotencyKey(input) } })).removeMembers;
  }

  return (
    <BulkForm
      {...form}
      members={members}
      submitLabel="Remove"
      fieldNames={["transferLicensesTo"]}
      isDestructive
      warning={includesViewer ? "You are among them: you leave this account." : null}
      onSubmit={submit}
      successText={(count) => (count === 1 ? "1 member was removed." : `${count.toLocaleString()} members were removed.`)}
    >
      <p>They lose access to this account at once, and are emailed. The audit log keeps their names.</p>
      <QueryBoundary>
        <BulkOffboarding members={members} />
      </QueryBoundary>
      <MemberPicker
        name="transferLicensesTo"
        label="Licenses pass to"
        description="One member who stays. If you choose nobody, the owner receives them."
        placeholder="The owner"
        accountId={accountId}
        onChange={setReceiverId}
      />
    </BulkForm>
  );
}
