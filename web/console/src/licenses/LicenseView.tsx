import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import { Link } from "wouter";
import type { LicenseView_license$key } from "../__generated__/LicenseView_license.graphql";
import { accountUrl, type PageProps } from "../pages";
import { usePageTitle } from "../shell/usePageTitle";
import { QueryBoundary } from "../ui/QueryBoundary";
import { ChevronIcon } from "../ui/icons";
import { LicenseDetails } from "./LicenseDetails";
import { LicenseDialog } from "./LicenseDialog";
import { LicenseHistory } from "./LicenseHistory";
import { LicenseMenu } from "./LicenseMenu";
import { LicenseStatusBadge } from "./LicenseStatusBadge";
import { actsOn, licenseName, maySeeKey, type LicenseActName } from "./licenseActs";

interface Props extends Omit<PageProps, "entryId"> {
  readonly license: LicenseView_license$key;
}

export function LicenseView({ license: key, accountId, slug, memberId, permissions }: Props) {
  const license = useFragment(
    graphql`
      fragment LicenseView_license on License {
        id
        site
        status
        expiresAt
        theme {
          id
          name
        }
        holder {
          id
          name
        }
        ...LicenseDetails_license
      }
    `,
    key,
  );
  const heading = usePageTitle(licenseName(license));
  const [act, setAct] = useState<LicenseActName | null>(null);
  const [changes, setChanges] = useState(0);
  const refreshHistory = () => setChanges((count) => count + 1);

  return (
    <>
      <header className="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1} className="badged-title">
            {license.site} <LicenseStatusBadge status={license.status} />
          </h1>
          <p className="lead">
            <Link href={accountUrl(slug, "catalog", license.theme.id)}>{license.theme.name}</Link>
          </p>
        </div>
        <LicenseMenu
          license={license}
          acts={actsOn(license, permissions, memberId)}
          triggerProps={{ className: "button button-secondary", children: <>Actions <ChevronIcon /></> }}
          onOpen={setAct}
          onDone={refreshHistory}
        />
      </header>
      <div className="license-panels">
        <LicenseDetails license={license} memberId={memberId} showsKey={maySeeKey(license, permissions, memberId)} />
        {permissions.has("VIEW_OWN_ACTIVITY") && (
          <QueryBoundary>
            <LicenseHistory
              accountId={accountId}
              slug={slug}
              licenseId={license.id}
              showsAll={permissions.has("VIEW_AUDIT_LOG")}
              version={changes}
            />
          </QueryBoundary>
        )}
      </div>
      {act !== null && (
        <LicenseDialog
          act={act}
          license={license}
          accountId={accountId}
          onClose={() => {
            setAct(null);
            refreshHistory();
          }}
        />
      )}
    </>
  );
}
