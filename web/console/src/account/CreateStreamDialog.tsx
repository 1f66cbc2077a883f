import { useRef, useState } from "react";
import { graphql } from "react-relay/hooks";
import type { CreateStreamDialogMutation } from "../__generated__/CreateStreamDialogMutation.graphql";
import { newIdempotencyKey } from "../relay/idempotencyKey";
import { useChange } from "../relay/useChange";
import { Dialog } from "../ui/Dialog";
import { useDraft } from "../ui/useDraft";
import { StreamForm } from "./StreamForm";
import { StreamSecret } from "./StreamSecret";
import { NEW_STREAM, settingsInput, settingsProblems } from "./streamSettings";

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
  readonly onCreated: () => void;
}

export function CreateStreamDialog({ accountId, onClose, onCreated }: Props) {
  const [settings, change, clear] = useDraft(`stream:${accountId}`, NEW_STREAM);
  const attempt = useRef({ content: "", key: "" });
  const [secret, setSecret] = useState<string | null | undefined>();
  const [create] = useChange<CreateStreamDialogMutation>(graphql`
    mutation CreateStreamDialogMutation($input: CreateAuditStreamInput!) {
      createAuditStream(input: $input) {
        auditStream {
          id
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
    const problems = settingsProblems(settings);
    if (problems.length > 0) return problems;
    const { url, actions, afterSequence } = settingsInput(settings);
    const content = JSON.stringify(settings);
    if (attempt.current.content !== content) attempt.current = { content, key: newIdempotencyKey() };
    const { createAuditStream } = await create({
      input: { accountId, url, actions, afterSequence, idempotencyKey: attempt.current.key },
    });
    if (createAuditStream?.auditStream) {
      clear();
      onCreated();
      setSecret(createAuditStream.secret ?? null);
    }
    return createAuditStream?.userErrors ?? [];
  }

  return (
    <Dialog title={secret === undefined ? "Create an audit stream" : "The audit stream was created"} onClose={onClose}>
      {secret === undefined ? (
        <StreamForm settings={settings} onChange={change} isNew submitLabel="Create" onClose={onClose} onSubmit={submit} />
      ) : secret === null ? (
        <p>Its secret was in an answer that did not arrive here. Rotate the secret of the audit stream to get another one.</p>
      ) : (
        <StreamSecret secret={secret} onClose={onClose}>
          The first delivery follows within seconds: the list shows whether it has arrived.
        </StreamSecret>
      )}
    </Dialog>
  );
}
