import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

interface Props {
  readonly onBack: () => void;
  readonly onStored: () => void;
}

/** Over a secret that is about to be closed. */
export function StoredQuestion({ onBack, onStored }: Props) {
  return (
    <Dialog title="Have you stored the secret?" role="alertdialog" onClose={onBack}>
      <p>It cannot be shown again. Whoever has lost it rotates the key to get another one.</p>
      <footer className="dialog-footer">
        <Button autoFocus onPress={onBack}>
          Show it again
        </Button>
        <Button kind="primary" onPress={onStored}>
          I have stored it
        </Button>
      </footer>
    </Dialog>
  );
}
