import { graphql } from "react-relay/hooks";
import type { EditStreamDialogMutation } from "../__generated__/EditStreamDialogMutation.graphql";
import type { StreamItem_stream$data } from "../__generated__/StreamItem_stream.graphql";
import { useChange } from "../relay/useChange";
import { Dialog } from "../ui/Dialog";
import { showSuccess } from "../ui/toasts";
import { useEdits } from "../ui/useDraft";
import { StreamForm } from "./StreamForm";
import { settingsInput, settingsOf, settingsProblems } from "./streamSettings";
import { hostOf } from "./streamUrls";

interface Props {
  readonly stream: Pick<StreamItem_stream$data, "id" | "url" | "actions" | "status">;
  readonly onClose: () => void;
}

export function EditStreamDialog({ stream, onClose }: Props) {
  const [settings, change] = useEdits(`change-stream:${stream.id}`, settingsOf(stream));
  const hasEnded = stream.status === "ENDED";
  const [update] = useChange<EditStreamDialogMutation>(graphql`
    mutation EditStreamDialogMutation($input: UpdateAuditStreamInput!) {
      updateAuditStream(input: $input) {
        auditStream {
          id
          ...StreamItem_stream
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const problems = settingsProblems(settings);
    if (problems.length > 0) return problems;
    const { url, actions } = settingsInput(settings);
    const { updateAuditStream } = await update({
      input: { auditStreamId: stream.id, url, actions, ...(hasEnded && url !== stream.url ? { paused: false } : {}) },
    });
    const refusals = updateAuditStream?.userErrors ?? [];
    if (refusals.length === 0) showSuccess(`The audit stream to ${hostOf(url)} was changed.`);
    return refusals;
  }

  return (
    <Dialog title="Change the audit stream" onClose={onClose}>
      <StreamForm
        settings={settings}
        onChange={change}
        hint={hasEnded ? "Its receiver answered 410 Gone. With another URL, deliveries resume where they stopped." : undefined}
        submitLabel="Save"
        onClose={onClose}
        onSubmit={submit}
      />
    </Dialog>
  );
}
