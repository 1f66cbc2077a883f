import { useState } from "react";
import { Dialog } from "../ui/Dialog";
import { InviteForm, type InviteOutcome } from "./InviteForm";
import { InviteResults } from "./InviteResults";

interface Props {
  readonly accountId: string;
  readonly onClose: () => void;
}

export function InviteDialog({ accountId, onClose }: Props) {
  const [outcomes, setOutcomes] = useState<readonly InviteOutcome[] | null>(null);
  return (
    <Dialog title={outcomes === null ? "Invite people" : "Invitations"} onClose={onClose}>
      {outcomes === null ? (
        <InviteForm accountId={accountId} onClose={onClose} onSent={setOutcomes} />
      ) : (
        <InviteResults outcomes={outcomes} onAgain={() => setOutcomes(null)} onClose={onClose} />
      )}
    </Dialog>
  );
}
