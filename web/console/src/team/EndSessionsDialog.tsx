import { graphql } from "react-relay/hooks";
import type { EndSessionsDialogMutation } from "../__generated__/EndSessionsDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { FormDialog } from "../ui/FormDialog";
import { Notice } from "../ui/Notice";
import { showSuccess } from "../ui/toasts";
import type { MemberRow } from "./MemberTable";

interface Props {
  readonly member: MemberRow;
  readonly isViewer: boolean;
  readonly onClose: () => void;
}

/** Says what ends and what does not. */
export function EndSessionsDialog({ member: { id, name }, isViewer, onClose }: Props) {
  const [endSessions] = useChange<EndSessionsDialogMutation>(graphql`
    mutation EndSessionsDialogMutation($input: EndMemberSessionsInput!, $readsBack: Boolean!) {
      endMemberSessions(input: $input) {
        member @include(if: $readsBack) {
          id
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    // The account answers a session that has just ended with an error, though the change was made.
    const response = await endSessions({ input: { memberId: id }, readsBack: !isViewer });
    const problems = response.endMemberSessions?.userErrors ?? [];
    if (problems.length === 0) showSuccess(isViewer ? "Your sessions were ended." : `The sessions of ${name} were ended.`);
    return problems;
  }

  return (
    <FormDialog
      title={isViewer ? "End your sessions?" : `End the sessions of ${name}?`}
      submitLabel="End the sessions"
      isDestructive
      onClose={onClose}
      onSubmit={submit}
    >
      <p>
        In every browser, {isViewer ? "you" : name} must sign in again by a new link before this account can be used: for example when a
        device was lost.{!isViewer && ` ${name} is told by email.`}
      </p>
      <p>
        Role, licenses and API keys stay as they are. {isViewer ? "Your" : "The"} sessions stay valid for other accounts.
      </p>
      {isViewer && (
        <Notice kind="warning">
          <p>This browser is among them: you must sign in again as soon as this is done.</p>
        </Notice>
      )}
    </FormDialog>
  );
}
