import { graphql, useFragment } from "react-relay/hooks";
import type { EventOrigin_event$key } from "../__generated__/EventOrigin_event.graphql";
import { Detail, DetailList } from "../ui/DetailList";
import { FilterLink } from "./FilterLink";
import { credentialText } from "./credentialText";

interface Props {
  readonly event: EventOrigin_event$key;
  /** Whether the viewer can filter by person. */
  readonly seesAll: boolean;
}

/** Who acted, with which credential, and from where. */
export function EventOrigin({ event, seesAll }: Props) {
  const { actor, ip, userAgent, requestId } = useFragment(
    graphql`
      fragment EventOrigin_event on AuditEvent {
        ip
        userAgent
        requestId
        actor {
          kind
          name
          member {
            id
            name
          }
          credential {
            kind
            id
            label
          }
        }
      }
    `,
    event,
  );
  const { member, credential } = actor;
  return (
    <section>
      <h3>Who and from where</h3>
      <DetailList>
        <Detail term="Who">
          <strong>{actor.name}</strong>
          {actor.kind === "SYSTEM" && " (the platform)"}
          {member && member.name !== actor.name && ` (now ${member.name})`}{" "}
          {member && seesAll && <FilterLink filters={{ actorIds: [member.id] }}>All by this person</FilterLink>}
        </Detail>
        <Detail term="Signed in with">
          {credentialText(credential)}{" "}
          {credential?.kind === "API_KEY" && <FilterLink filters={{ apiKeyId: credential.id }}>All with this key</FilterLink>}
        </Detail>
        {typeof ip === "string" && (
          <Detail term="IP address">
            {ip} <FilterLink filters={{ ip }}>All from this address</FilterLink>
          </Detail>
        )}
        {typeof userAgent === "string" && <Detail term="Browser">{userAgent}</Detail>}
        {typeof requestId === "string" && (
          <Detail term="Request">
            <code>{requestId}</code> <FilterLink filters={{ requestId }}>All of this request</FilterLink>
          </Detail>
        )}
      </DetailList>
    </section>
  );
}
