import { Button } from "./Button";
import { SubmitForm, type SubmitFormProps } from "./SubmitForm";

export interface DialogFormProps extends SubmitFormProps {
  readonly submitLabel: string;
  readonly isDestructive?: boolean;
  /** Also follows a success, unless `onSuccess` does. */
  readonly onClose: () => void;
}

/** The form of a dialog, which stays open, with what was entered, until its change was made. */
export function DialogForm({ submitLabel, isDestructive = false, onClose, ...form }: DialogFormProps) {
  return (
    <SubmitForm
      onSuccess={onClose}
      {...form}
      actions={(isPending) => (
        <footer className="dialog-footer">
          <Button kind="quiet" onPress={onClose}>
            Cancel
          </Button>
          <Button type="submit" kind={isDestructive ? "danger" : "primary"} isBusy={isPending}>
            {submitLabel}
          </Button>
        </footer>
      )}
    />
  );
}
