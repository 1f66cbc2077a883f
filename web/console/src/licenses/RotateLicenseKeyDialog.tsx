import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { RotateLicenseKeyDialogMutation } from "../__generated__/RotateLicenseKeyDialogMutation.graphql";
import { useChange } from "../relay/useChange";
import { useIdempotencyKey } from "../relay/useIdempotencyKey";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Dialog } from "../ui/Dialog";
import { DialogForm } from "../ui/DialogForm";
import { Notice } from "../ui/Notice";
import { licenseName, type LicenseSubject } from "./licenseActs";

interface Props {
  readonly license: LicenseSubject;
  readonly onClose: () => void;
}

/** Asks first, then shows the new key. */
export function RotateLicenseKeyDialog({ license, onClose }: Props) {
  const [newKey, setNewKey] = useState<string | null>(null);
  const idempotencyKey = useIdempotencyKey();
  const [rotate] = useChange<RotateLicenseKeyDialogMutation>(graphql`
    mutation RotateLicenseKeyDialogMutation($input: RotateLicenseKeyInput!) {
      rotateLicenseKey(input: $input) {
        license {
          id
          key
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit() {
    const input = { licenseId: license.id };
    const { rotateLicenseKey } = await rotate({ input: { ...input, idempotencyKey: idempotencyKey(input) } });
    setNewKey(rotateLicenseKey?.license?.key ?? null);
    return rotateLicenseKey?.userErrors ?? [];
  }

  return (
    <Dialog title={newKey === null ? `Rotate the key of ${licenseName(license)}?` : "The new key"} role="alertdialog" onClose={onClose}>
      {newKey === null ? (
        <DialogForm submitLabel="Rotate the key" isDestructive onClose={onClose} onSubmit={submit} onSuccess={() => undefined}>
          <p>
            The license gets a new key at once, and the old one stops working: a theme that still has it is answered REVOKED. There is
            no overlap, so enter the new key on {license.site} next.
          </p>
        </DialogForm>
      ) : (
        <>
          <Notice kind="good">Enter it on {license.site}. The old key no longer works.</Notice>
          <CopyText name="the license key" text={newKey} />
          <footer className="dialog-footer">
            <Button kind="primary" autoFocus onPress={onClose}>
              Done
            </Button>
          </footer>
        </>
      )}
    </Dialog>
  );
}
