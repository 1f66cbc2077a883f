import { graphql, useFragment } from "react-relay/hooks";
import type { EventFacts_event$key } from "../__generated__/EventFacts_event.graphql";
import { Badge } from "../ui/Badge";
import { Detail, DetailList } from "../ui/DetailList";
import { Time, utcText } from "../ui/Time";
import { FilterLink } from "./FilterLink";
import { JsonValue } from "./JsonValue";
import { typeWords, wordsOf } from "./labels";

/** What happened. */
export function EventFacts({ event }: { readonly event: EventFacts_event$key }) {
  const { action, outcome, occurredAt, targetType, targetName, targetId, details } = useFragment(
    graphql`
      fragment EventFacts_event on AuditEvent {
        action
        outcome
        occurredAt
        targetType
        targetName
        targetId
        details
      }
    `,
    event,
  );
  return (
    <DetailList>
      <Detail term="Action">
        {wordsOf(action)} <FilterLink filters={{ actions: [action] }}>All of these</FilterLink>
      </Detail>
      <Detail term="Outcome">
        {outcome === "DENIED" ? (
          <>
            <Badge kind="bad">Denied</Badge> The permission was missing, and nothing was changed.
          </>
        ) : (
          "Performed"
        )}
      </Detail>
      <Detail term="When">
        <Time value={occurredAt} detail="second" /> <span className="hint">{utcText(occurredAt, "second")}</span>
      </Detail>
      {typeof targetType === "string" && (
        <Detail term="Is about">
          {typeWords(targetType)}
          {typeof targetName === "string" && targetName !== "" && <strong> {targetName}</strong>}{" "}
          {typeof targetId === "string" && <FilterLink filters={{ targetId }}>All about it</FilterLink>}
        </Detail>
      )}
      <Detail term="Details">
        <JsonValue value={details} pairs={areChanges(action)} />
      </Detail>
    </DetailList>
  );
}

/** Whether a list of two in the details is an old value and a new one. What begins has no old values. */
function areChanges(action: string): boolean {
  return !/_(CREATED|GENERATED|PURCHASED|INVITED|ISSUED|CALLED|DOWNLOADED)$/.test(action);
}
