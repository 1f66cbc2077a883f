import { useEffect, useId, useRef, type ReactNode } from "react";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Notice } from "../ui/Notice";

interface Props {
  readonly secret: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** The secret, on which the focus is set, so that screen readers read the warning. */
export function SecretView({ secret, onClose, children }: Props) {
  const id = useId();
  const view = useRef<HTMLDivElement>(null);
  useEffect(() => view.current?.focus(), []);
  return (
    <div ref={view} className="form secret" tabIndex={-1} role="group" aria-label="Secret" aria-describedby={id}>
      <Notice kind="warning">
        <p id={id}>
          This is the only time that the secret is shown. Copy it now, to where the program reads it or into a password manager.
          Whoever has it can act as you, within the scopes of the key.
        </p>
      </Notice>
      <CopyText name="the secret" text={secret} />
      {children}
      <p className="hint">
        The program sends it with each request, as the header <code>Authorization: Bearer ta_…</code>
      </p>
      <footer className="dialog-footer">
        <Button kind="primary" onPress={onClose}>
          Close
        </Button>
      </footer>
    </div>
  );
}
