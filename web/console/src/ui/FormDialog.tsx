import { Dialog } from "./Dialog";
import { DialogForm, type DialogFormProps } from "./DialogForm";

interface Props extends DialogFormProps {
  readonly title: string;
}

/** A dialog that is a form. A destructive one has to be answered before anything else. */
export function FormDialog({ title, ...form }: Props) {
  return (
    <Dialog title={title} role={form.isDestructive === true ? "alertdialog" : "dialog"} onClose={form.onClose}>
      <DialogForm {...form} />
    </Dialog>
  );
}
