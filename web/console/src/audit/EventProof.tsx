import { graphql, useFragment } from "react-relay/hooks";
import type { EventProof_event$key } from "../__generated__/EventProof_event.graphql";
import { CopyText } from "../ui/CopyText";
import { Detail, DetailList } from "../ui/DetailList";
import { Notice } from "../ui/Notice";
import { erasedText } from "./erasedText";

/** What proves that the event is as it was recorded. */
export function EventProof({ event }: { readonly event: EventProof_event$key }) {
  const { sequence, version, previousHash, hash, erasedFields } = useFragment(
    graphql`
      fragment EventProof_event on AuditEvent {
        sequence
        version
        previousHash
        hash
        erasedFields
      }
    `,
    event,
  );
  return (
    <section>
      <h3>What it proves</h3>
      <p className="hint">
        The hash covers all data of this event and the hash of the event before it. A change to this event, or to any before
        it, would change every hash that follows.
      </p>
      {erasedFields.length > 0 && (
        <Notice kind="warning">
          <p>Erased with the person: {erasedFields.map(erasedText).join(", ")}. The hash still verifies.</p>
        </Notice>
      )}
      <DetailList>
        <Detail term="Sequence number">{sequence.toLocaleString()}</Detail>
        <Detail term="Hash">
          <CopyText name="the hash" text={hash} />
        </Detail>
        <Detail term="Previous hash">
          <CopyText name="the previous hash" text={previousHash} />
        </Detail>
        <Detail term="Format version">{version}</Detail>
        <Detail term="Personal data">
          Names, addresses and texts of people are hashed as commitments, made with a random salt of this event. So they can be
          erased, or withheld from an export, and the hash still verifies. An export as NDJSON has the salts.
        </Detail>
      </DetailList>
    </section>
  );
}
