import type { KeyActName, KeySubject } from "./keyActs";
import { RevokeKeyDialog } from "./RevokeKeyDialog";
import { RotateDialog } from "./RotateDialog";
import { UpdateDialog } from "./UpdateDialog";

interface Props {
  readonly act: KeyActName;
  readonly apiKey: KeySubject;
  /** Whether the viewer may set any networks, and not only narrower ones. */
  readonly maySetNetworks: boolean;
  readonly onClose: () => void;
}

export function KeyDialog({ act, apiKey, maySetNetworks, onClose }: Props) {
  switch (act) {
    case "update":
      return <UpdateDialog apiKey={apiKey} maySetNetworks={maySetNetworks} onClose={onClose} />;
    case "rotate":
      return <RotateDialog apiKey={apiKey} onClose={onClose} />;
    case "revoke":
      return <RevokeKeyDialog apiKey={apiKey} onClose={onClose} />;
  }
}
