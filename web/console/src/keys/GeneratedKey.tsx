import { Button } from "../ui/Button";

interface Props {
  /** Who claims the key, or null for a key of the viewer whose secret did not arrive. */
  readonly claimedBy: string | null;
  readonly onClose: () => void;
}

/** A key that was generated and has no secret to show. */
export function GeneratedKey({ claimedBy, onClose }: Props) {
  return (
    <>
      {claimedBy === null ? (
        <p role="status">
          The answer with its secret was lost on the way, and it cannot be shown again. Rotate the key to get another secret.
        </p>
      ) : (
        <p role="status">
          An email with a link is on its way to {claimedBy}. The key is listed as not claimed until {claimedBy} has opened the link
          and claimed it. If the link expires before, generate another key.
        </p>
      )}
      <footer className="dialog-footer">
        <Button kind="primary" autoFocus onPress={onClose}>
          Done
        </Button>
      </footer>
    </>
  );
}
