import { graphql, useFragment } from "react-relay/hooks";
import type { StreamHealth_stream$key } from "../__generated__/StreamHealth_stream.graphql";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";

/** Last delivery, backlog and last failure of an audit stream. */
export function StreamHealth({ stream }: { readonly stream: StreamHealth_stream$key }) {
  const { status, lastDeliveredAt, undeliveredEvents, failingSince, lastError, nextAttemptAt, previousSecretsExpireAt } = useFragment(
    graphql`
      fragment StreamHealth_stream on AuditStream {
        status
        lastDeliveredAt
        undeliveredEvents
        failingSince
        lastError
        nextAttemptAt
        previousSecretsExpireAt
      }
    `,
    stream,
  );
  return (
    <>
      <span>
        {typeof lastDeliveredAt === "string" ? (
          <>
            Last delivery <RelativeTime value={lastDeliveredAt} />
          </>
        ) : (
          "Nothing delivered yet"
        )}
        {", "}
        {backlogText(undeliveredEvents)}
      </span>
      {typeof previousSecretsExpireAt === "string" && new Date(previousSecretsExpireAt) > new Date() && (
        <span className="hint">
          The previous secret signs too, until <Time value={previousSecretsExpireAt} />.
        </span>
      )}
      {typeof failingSince === "string" && (
        <div className="notice notice-warning">
          <p>
            Deliveries have failed since <Time value={failingSince} />. {lastError}
          </p>
          {status === "ACTIVE" && typeof nextAttemptAt === "string" && (
            <p>
              Next attempt: <Time value={nextAttemptAt} detail="second" />. No event is lost.
            </p>
          )}
        </div>
      )}
    </>
  );
}

function backlogText(events: number): string {
  if (events === 0) return "no event waits";
  return events === 1 ? "1 event waits" : `${events.toLocaleString()} events wait`;
}
