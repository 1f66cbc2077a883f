import { graphql, useFragment } from "react-relay/hooks";
import type { IntegrityDialog_integrity$key } from "../__generated__/IntegrityDialog_integrity.graphql";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { Detail, DetailList } from "../ui/DetailList";
import { Dialog } from "../ui/Dialog";

interface Props {
  readonly integrity: IntegrityDialog_integrity$key;
  readonly onClose: () => void;
}

/** What is checked, what it proves, and what it does not. */
export function IntegrityDialog({ integrity, onClose }: Props) {
  const { checkedEvents, headSequence, headHash, firstBrokenSequence } = useFragment(
    graphql`
      fragment IntegrityDialog_integrity on AuditIntegrity {
        checkedEvents
        headSequence
        headHash
        firstBrokenSequence
      }
    `,
    integrity,
  );
  return (
    <Dialog title="Integrity of the audit log" onClose={onClose}>
      <div className="form">
        <p>
          Each event has a hash over its data and the hash of the event before it. To check the log, all hashes are computed
          again. If an event was changed, removed, inserted or moved, they no longer match.
        </p>
        {typeof firstBrokenSequence === "number" && (
          <p>
            They do not match from event {firstBrokenSequence.toLocaleString()} on. Keep your exports and the hashes that you have
            stored, and tell the operator of the platform.
          </p>
        )}
        <p>
          Whoever can rewrite the whole log could compute every hash anew. So store the newest hash elsewhere from time to
          time: with it, an export proves that the log up to that event is unchanged.
        </p>
        <DetailList>
          <Detail term="Checked events">{checkedEvents.toLocaleString()}</Detail>
          <Detail term="Newest event">Number {headSequence.toLocaleString()}</Detail>
          <Detail term="Its hash">
            <CopyText name="the hash" text={headHash} />
          </Detail>
        </DetailList>
        <p className="hint">
          A log of up to 50,000 events is checked when this page asks. Of a longer one, a background job checks the older events;
          it is verified once the job has caught up.
        </p>
        <footer className="dialog-footer">
          <Button kind="primary" onPress={onClose}>
            Done
          </Button>
        </footer>
      </div>
    </Dialog>
  );
}
