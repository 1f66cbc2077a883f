import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import { useSearchParams } from "wouter";
import type { EventDialogQuery } from "../__generated__/EventDialogQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Dialog } from "../ui/Dialog";
import { QueryBoundary } from "../ui/QueryBoundary";
import { EventFacts } from "./EventFacts";
import { EventOrigin } from "./EventOrigin";
import { EventProof } from "./EventProof";

/** The event whose id is in the URL, whole. */
export function EventDialog({ seesAll }: { readonly seesAll: boolean }) {
  const [parameters, setParameters] = useSearchParams();
  const id = parameters.get("event");
  const close = useCallback(
    () =>
      setParameters(
        (current) => {
          current.delete("event");
          return current;
        },
        { replace: true },
      ),
    [setParameters],
  );
  if (id === null) return null;
  return (
    <Dialog title="Event" size="large" onClose={close}>
      <QueryBoundary>
        <LoadedEvent id={id} seesAll={seesAll} />
      </QueryBoundary>
    </Dialog>
  );
}

function LoadedEvent({ id, seesAll }: { readonly id: string; readonly seesAll: boolean }) {
  const { node } = useLoadedQuery<EventDialogQuery>(
    graphql`
      query EventDialogQuery($id: ID!) {
        node(id: $id) {
          ... on AuditEvent @alias(as: "event") {
            summary
            ...EventFacts_event
            ...EventOrigin_event
            ...EventProof_event
          }
        }
      }
    `,
    { id },
  );
  const event = node?.event;
  if (event === null || event === undefined) return <p>There is no such event, or it is not visible to you.</p>;
  return (
    <div className="event">
      <p className="event-title">{event.summary}</p>
      <EventFacts event={event} />
      <EventOrigin event={event} seesAll={seesAll} />
      <EventProof event={event} />
    </div>
  );
}
