import type { Role } from "../relay/types";
import { roleTitle } from "../roles";
import { FormDialog } from "../ui/FormDialog";
import type { MemberRow } from "./MemberTable";
import { useChangeMemberRole } from "./useChangeMemberRole";

interface Props {
  readonly member: MemberRow;
  readonly role: Role;
  readonly onClose: () => void;
}

/** Asks before people take rights from themselves, which they could not give back. */
export function OwnRoleDialog({ member, role, onClose }: Props) {
  const changeRole = useChangeMemberRole();

  async function submit() {
    await changeRole(member, role);
    return [];
  }

  return (
    <FormDialog title="Change your own role?" submitLabel={`Become ${roleTitle(role)}`} isDestructive onClose={onClose} onSubmit={submit}>
      <p>
        You are {roleTitle(member.role)} and become {roleTitle(role)} at once. Only another Admin can change it back.
      </p>
    </FormDialog>
  );
}
