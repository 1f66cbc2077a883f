import { graphql, useFragment } from "react-relay/hooks";
import type { LicenseDetails_license$key } from "../__generated__/LicenseDetails_license.graphql";
import { Detail, DetailList } from "../ui/DetailList";
import { Panel } from "../ui/Panel";
import { RelativeTime } from "../ui/RelativeTime";
import { Time } from "../ui/Time";
import { Expiry } from "./Expiry";
import { InstalledVersion } from "./InstalledVersion";
import { LicenseKey } from "./LicenseKey";

interface Props {
  readonly license: LicenseDetails_license$key;
  readonly memberId: string;
  readonly showsKey: boolean;
}

export function LicenseDetails({ license: key, memberId, showsKey }: Props) {
  const license = useFragment(
    graphql`
      fragment LicenseDetails_license on License {
        id
        status
        expiresAt
        holder {
          id
          name
        }
        provisionedBy {
          id
          name
        }
        provisionedAt
        revokedBy {
          id
          name
        }
        revokedAt
        revokedReason
        lastDownloadedAt
        ...InstalledVersion_license
      }
    `,
    key,
  );
  const { holder, provisionedBy, revokedBy, revokedAt, lastDownloadedAt } = license;
  const nameOf = ({ id, name }: { id: string; name: string }) => (id === memberId ? "you" : name);
  return (
    <Panel title="Details">
      <DetailList>
        <Detail term="Holder">{holder.id === memberId ? "You" : holder.name}</Detail>
        {showsKey && (
          <Detail term="Key">
            <LicenseKey licenseId={license.id} />
          </Detail>
        )}
        <Detail term="Installed">
          <InstalledVersion license={license} />
        </Detail>
        <Detail term="Expires">
          <Expiry value={license.expiresAt} status={license.status} />
        </Detail>
        <Detail term="Provisioned">
          <Time value={license.provisionedAt} /> by {nameOf(provisionedBy)}
        </Detail>
        <Detail term="Last download">
          {typeof lastDownloadedAt === "string" ? <RelativeTime value={lastDownloadedAt} /> : <span className="quiet">None yet</span>}
        </Detail>
        {typeof revokedAt === "string" && (
          <Detail term="Revoked">
            <Time value={revokedAt} />
            {revokedBy && ` by ${nameOf(revokedBy)}`}: {license.revokedReason}
          </Detail>
        )}
      </DetailList>
    </Panel>
  );
}
