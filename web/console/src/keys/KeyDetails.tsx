import { graphql, useFragment } from "react-relay/hooks";
import type { KeyDetails_apiKey$key } from "../__generated__/KeyDetails_apiKey.graphql";
import { Detail, DetailList } from "../ui/DetailList";
import { Time } from "../ui/Time";
import { LastUse } from "./LastUse";
import { ScopeList } from "./ScopeList";

interface Props {
  readonly apiKey: KeyDetails_apiKey$key;
  readonly memberId: string;
}

export function KeyDetails({ apiKey, memberId }: Props) {
  const key = useFragment(
    graphql`
      fragment KeyDetails_apiKey on ApiKey {
        prefix
        status
        scopes
        createdAt
        createdBy {
          id
          name
        }
        expiresAt
        allowedNetworks
        revokedAt
        revokedBy {
          id
          name
        }
        ...LastUse_apiKey
      }
    `,
    apiKey,
  );
  const nameOf = ({ id, name }: { readonly id: string; readonly name: string }) => (id === memberId ? "you" : name);
  return (
    <section aria-label="Details">
      <DetailList>
        {key.status !== "UNCLAIMED" && (
          <Detail term="Secret begins with">
            <code>{key.prefix}…</code>
          </Detail>
        )}
        <Detail term="Scopes">
          <ScopeList scopes={key.scopes} />
        </Detail>
        <Detail term="Allowed networks">
          {key.allowedNetworks.length === 0 ? "Anywhere" : key.allowedNetworks.join(", ")}
        </Detail>
        <Detail term="Expires">{typeof key.expiresAt === "string" ? <Time value={key.expiresAt} /> : "Never"}</Detail>
        <Detail term="Last used">
          <LastUse apiKey={key} />
        </Detail>
        <Detail term="Generated">
          <Time value={key.createdAt} /> by {nameOf(key.createdBy)}
        </Detail>
        {typeof key.revokedAt === "string" && (
          <Detail term="Revoked">
            <Time value={key.revokedAt} /> by {key.revokedBy ? nameOf(key.revokedBy) : "the platform"}
          </Detail>
        )}
      </DetailList>
    </section>
  );
}
