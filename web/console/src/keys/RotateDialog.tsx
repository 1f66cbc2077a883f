import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { RotateDialogMutation } from "../__generated__/RotateDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { ChoiceField, type Choice } from "../ui/ChoiceField";
import { DialogForm } from "../ui/DialogForm";
import { Time } from "../ui/Time";
import type { KeySubject } from "./keyActs";
import { SecretDialog } from "./SecretDialog";

interface Props {
  readonly apiKey: KeySubject;
  readonly onClose: () => void;
}

type Overlap = "0" | "3600" | "86400" | "604800";

const OVERLAP_CHOICES: readonly Choice<Overlap>[] = [
  { value: "0", label: "At once", description: "For a secret that somebody else may know." },
  { value: "3600", label: "In an hour" },
  { value: "86400", label: "In a day" },
  { value: "604800", label: "In 7 days" },
];

interface Rotated {
  readonly secret: string;
  /** When the old secret stops working, or null if it has already. */
  readonly oldUntil: string | null;
}

/** Asks when the old secret is to stop working, then shows the new one. */
export function RotateDialog({ apiKey, onClose }: Props) {
  const [overlap, setOverlap] = useState<Overlap>("86400");
  const [rotated, setRotated] = useState<Rotated | null>(null);
  const [rotate] = useChange<RotateDialogMutation>(graphql`
    mutation RotateDialogMutation($input: RotateApiKeyInput!) {
      rotateApiKey(input: $input) {
        apiKey {
          id
          prefix
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
    const overlapSeconds = Number(overlap);
    const { rotateApiKey } = await rotate({ input: { apiKeyId: apiKey.id, overlapSeconds } });
    if (typeof rotateApiKey?.secret === "string") {
      const oldUntil = overlapSeconds === 0 ? null : new Date(Date.now() + overlapSeconds * 1_000).toISOString();
      setRotated({ secret: rotateApiKey.secret, oldUntil });
    }
    return rotateApiKey?.userErrors ?? [];
  }

  return (
    <SecretDialog
      title={rotated === null ? `Rotate ${apiKey.name}?` : `The new secret of ${apiKey.name}`}
      role={rotated === null ? "alertdialog" : "dialog"}
      secret={rotated?.secret ?? null}
      note={<OldSecret until={rotated?.oldUntil ?? null} />}
      onClose={onClose}
    >
      <DialogForm submitLabel="Rotate" isDestructive onClose={onClose} onSubmit={submit} onSuccess={() => undefined}>
        <p>The key gets a new secret, which works at once. Give it to the programs before the old one stops working.</p>
        <ChoiceField
          name="overlapSeconds"
          label="The old secret stops working"
          choices={OVERLAP_CHOICES}
          value={overlap}
          onChange={setOverlap}
        />
        <p className="hint">If the key was rotated before, only its present secret is kept that long.</p>
      </DialogForm>
    </SecretDialog>
  );
}

function OldSecret({ until }: { readonly until: string | null }) {
  return until === null ? (
    <p>The old secret no longer works.</p>
  ) : (
    <p>
      The old secret works until <Time value={until} />.
    </p>
  );
}
