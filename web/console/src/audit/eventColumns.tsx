import { Button } from "react-aria-components";
import { Badge } from "../ui/Badge";
import type { Column } from "../ui/GridRow";
import { Time } from "../ui/Time";
import { credentialText } from "./credentialText";
import type { EventRow } from "./eventPages";
import { wordsOf } from "./labels";

export function eventColumns(onOpen: (event: EventRow) => void): readonly Column<EventRow>[] {
  return [
    {
      id: "event",
      header: "Event",
      isRowHeader: true,
      cell: (event, tabIndex) => (
        <>
          <span className="event-summary">
            {event.outcome === "DENIED" && <Badge kind="bad">Denied</Badge>}
            <Button className="event-open" excludeFromTabOrder={tabIndex !== 0} onPress={() => onOpen(event)}>
              {event.summary}
            </Button>
          </span>
          <span className="hint event-line">{wordsOf(event.action)}</span>
        </>
      ),
    },
    {
      id: "actor",
      header: "Who",
      cell: ({ actor }) => (
        <>
          <span className="event-line">{actor.name}</span>
          <span className="hint event-line">{credentialText(actor.credential)}</span>
        </>
      ),
    },
    { id: "time", header: "When", cell: ({ occurredAt }) => <Time value={occurredAt} detail="second" /> },
  ];
}
