import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { RotateSecretDialogMutation } from "../__generated__/RotateSecretDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { Dialog } from "../ui/Dialog";
import { FormDialog } from "../ui/FormDialog";
import { StreamSecret } from "./StreamSecret";
import { hostOf } from "./streamUrls";

interface Props {
  readonly stream: { readonly id: string; readonly url: string };
  readonly onClose: () => void;
}

export function RotateSecretDialog({ stream: { id, url }, onClose }: Props) {
  const [secret, setSecret] = useState<string | null>(null);
  const [rotate] = useChange<RotateSecretDialogMutation>(graphql`
    mutation RotateSecretDialogMutation($input: UpdateAuditStreamInput!) {
      updateAuditStream(input: $input) {
        auditStream {
          id
          previousSecretsExpireAt
        }
        secret
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const { updateAuditStream } = await rotate({ input: { auditStreamId: id, rotateSecret: true } });
    setSecret(updateAuditStream?.secret ?? null);
    return updateAuditStream?.userErrors ?? [];
  }

  if (secret !== null) {
    return (
      <Dialog title="New secret" onClose={onClose}>
        <StreamSecret secret={secret} onClose={onClose}>
          For 24 hours deliveries are signed with the previous secret too. Give the new one to {hostOf(url)} until then.
        </StreamSecret>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title="Rotate the secret?"
      submitLabel="Rotate"
      onClose={onClose}
      onSubmit={submit}
      onSuccess={() => undefined}
    >
      <p>
        A new secret signs the deliveries to {hostOf(url)} at once. For 24 hours the present secret signs them too, so that nothing is
        refused while you exchange it there.
      </p>
    </FormDialog>
  );
}
