import { graphql } from "react-relay/hooks";
import type { AccessDialogMutation } from "../__generated__/AccessDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { DateTimeField, fromIso, toIso } from "../ui/DateTimeField";
import { FormDialog } from "../ui/FormDialog";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import type { MemberRow } from "./MemberTable";

interface Props {
  readonly member: MemberRow;
  readonly onClose: () => void;
}

export function AccessDialog({ member, onClose }: Props) {
  const [{ until }, change] = useEdits(`access:${member.id}`, { until: fromIso(member.accessUntil) });
  const [setAccess] = useChange<AccessDialogMutation>(graphql`
    mutation AccessDialogMutation($input: SetMemberAccessInput!) {
      setMemberAccess(input: $input) {
        member {
          id
          accessUntil
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { setMemberAccess } = await setAccess({ input: { memberId: member.id, until: toIso(until) } });
    const problems = setMemberAccess?.userErrors ?? [];
    if (problems.length === 0) {
      showSuccess(until === "" ? `The access of ${member.name} has no end.` : `The access of ${member.name} has a new end.`);
    }
    return problems;
  }

  return (
    <FormDialog title={`End of access for ${member.name}`} submitLabel="Save" fieldNames={["until"]} onClose={onClose} onSubmit={submit}>
      <p>
        At this time the membership ends by itself: licenses pass to the owner and API keys are revoked. {member.name} and the
        Admins are emailed 7 days and 1 day before.
      </p>
      <DateTimeField
        name="until"
        label="Access until"
        description="Leave it empty for no end."
        autoFocus
        value={until}
        onChange={(value) => change({ until: value })}
      />
    </FormDialog>
  );
}
