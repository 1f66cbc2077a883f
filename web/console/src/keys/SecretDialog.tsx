import { useEffect, useState, type ReactNode } from "react";
import { Dialog } from "../ui/Dialog";
import { SecretView } from "./SecretView";
import { StoredQuestion } from "./StoredQuestion";

interface Props {
  readonly title: string;
  readonly role?: "dialog" | "alertdialog";
  /** Null until there is one. */
  readonly secret: string | null;
  /** What else is to say about the secret. */
  readonly note?: ReactNode;
  readonly onClose: () => void;
  /** What is shown while there is no secret. */
  readonly children: ReactNode;
}

/** A dialog that ends with a secret, which cannot be shown again. So closing asks, and so does leaving the page. */
export function SecretDialog({ title, role, secret, note, onClose, children }: Props) {
  const [isAsking, setIsAsking] = useState(false);
  const hasSecret = secret !== null;
  useEffect(() => {
    if (!hasSecret) return undefined;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [hasSecret]);
  return (
    <>
      <Dialog title={title} role={role} onClose={hasSecret ? () => setIsAsking(true) : onClose}>
        {secret === null ? (
          children
        ) : (
          <SecretView secret={secret} onClose={() => setIsAsking(true)}>
            {note}
          </SecretView>
        )}
      </Dialog>
      {isAsking && <StoredQuestion onBack={() => setIsAsking(false)} onStored={onClose} />}
    </>
  );
}
