import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { BulkRoleFormMutation } from "../__generated__/BulkRoleFormMutation.graphql";
import type { Role } from "../relay/types";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import { ROLE_CHOICES, roleTitle } from "../roles";
import { ChoiceField } from "../ui/ChoiceField";
import { BulkForm, type BulkFormProps } from "./BulkForm";

export function BulkRoleForm({ accountId, members, includesViewer, ...form }: BulkFormProps) {
  const [role, setRole] = useState<Role>("MEMBER");
  const idempotencyKey = useIdempotencyKey();
  const [changeRoles] = useChange<BulkRoleFormMutation>(graphql`
    mutation BulkRoleFormMutation($input: ChangeMemberRolesInput!) {
      changeMemberRoles(input: $input) {
        results {
          member {
            id
            role
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
    const input = { accountId, members: members.map(({ id }) => ({ memberId: id, role })) };
    return (await changeRoles({ input: { ...input, idempotencyKey: idempotencyKey(input) } })).changeMemberRoles;
  }

  return (
    <BulkForm
      {...form}
      members={members}
      submitLabel={`Make them ${roleTitle(role)}`}
      warning={includesViewer && role !== "ADMIN" ? "You are among them. Only another Admin can make you an Admin again." : null}
      onSubmit={submit}
      successText={(count) => `${count === 1 ? "1 member is" : `${count.toLocaleString()} members are`} now ${roleTitle(role)}.`}
    >
      <ChoiceField name="role" label="New role" choices={ROLE_CHOICES} value={role} onChange={setRole} />
      <p>It holds with the next request of each. API keys of a Viewer do not work until it has another role again.</p>
    </BulkForm>
  );
}
