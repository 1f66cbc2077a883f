import type { ReactNode } from "react";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Notice } from "../ui/Notice";

interface Props {
  readonly secret: string;
  /** What happens next. */
  readonly children: ReactNode;
  readonly onClose: () => void;
}

/** A new secret, which the server shows this once. */
export function StreamSecret({ secret, children, onClose }: Props) {
  return (
    <div className="form">
      <Notice kind="warning">
        <p>Copy the secret now: it is not shown again.</p>
      </Notice>
      <CopyText name="the secret" text={secret} />
      <p>
        Your receiver verifies with it that a delivery comes from this account, by the libraries of{" "}
        <a href="https://www.standardwebhooks.com" target="_blank" rel="noreferrer">
          Standard Webhooks
        </a>
        . {children}
      </p>
      <footer className="dialog-footer">
        <Button kind="primary" onPress={onClose}>
          Done
        </Button>
      </footer>
    </div>
  );
}
