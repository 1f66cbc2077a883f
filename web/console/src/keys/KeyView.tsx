import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { KeyView_apiKey$key } from "../__generated__/KeyView_apiKey.graphql";
import type { PageProps } from "../pages";
import { usePageTitle } from "../shell/usePageTitle";
import { Notice } from "../ui/Notice";
import { ChevronIcon } from "../ui/icons";
import { actsOn, type KeyActName } from "./keyActs";
import { KeyDetails } from "./KeyDetails";
import { KeyDialog } from "./KeyDialog";
import { KeyMenu } from "./KeyMenu";
import { KeyStatusBadge } from "./KeyStatusBadge";
import { UsageSection } from "./UsageSection";

interface Props extends PageProps {
  readonly apiKey: KeyView_apiKey$key;
}

export function KeyView({ apiKey, memberId, permissions }: Props) {
  const key = useFragment(
    graphql`
      fragment KeyView_apiKey on ApiKey {
        id
        name
        status
        scopes
        expiresAt
        allowedNetworks
        member {
          id
          name
        }
        effectivePermissions
        ...KeyDetails_apiKey
      }
    `,
    apiKey,
  );
  const heading = usePageTitle(key.name);
  const [act, setAct] = useState<KeyActName | null>(null);
  const isOwn = key.member.id === memberId;

  return (
    <>
      <header className="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1} className="badged-title">
            {key.name} <KeyStatusBadge status={key.status} />
          </h1>
          <p className="lead">{isOwn ? "Your API key" : `API key of ${key.member.name}`}</p>
        </div>
        <KeyMenu
          keyName={key.name}
          acts={actsOn(key, permissions, memberId)}
          triggerProps={{ className: "button button-secondary", children: <>Actions <ChevronIcon /></> }}
          onOpen={setAct}
        />
      </header>
      <div className="key-sections">
        {key.status === "UNCLAIMED" && (
          <Notice kind="warning">
            <p>
              {isOwn ? "You have" : `${key.member.name} has`} not claimed the key yet, by the link in an email. If the email is lost or
              the link has expired, generate another key.
            </p>
          </Notice>
        )}
        {key.status === "ACTIVE" && key.effectivePermissions.length === 0 && (
          <Notice kind="warning">
            <p>
              The key is refused now: {isOwn ? "your role" : `the role of ${key.member.name}`} allows nothing that is in its scopes.
            </p>
          </Notice>
        )}
        <KeyDetails apiKey={key} memberId={memberId} />
        {key.status !== "UNCLAIMED" && <UsageSection keyId={key.id} />}
      </div>
      {act !== null && (
        <KeyDialog
          act={act}
          apiKey={key}
          maySetNetworks={permissions.has("GENERATE_API_KEYS")}
          onClose={() => setAct(null)}
        />
      )}
    </>
  );
}
