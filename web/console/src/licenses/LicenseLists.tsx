import { useState } from "react";
import { useSearchParams } from "wouter";
import type { PageProps } from "../pages";
import { Button } from "../ui/Button";
import { PageHeader } from "../ui/PageHeader";
import { QueryBoundary } from "../ui/QueryBoundary";
import { PlusIcon } from "../ui/icons";
import { EntitlementsView } from "./EntitlementsView";
import { LicenseTabs, viewOf } from "./LicenseTabs";
import { LicensesView } from "./LicensesView";
import { ProvisionDialog } from "./ProvisionDialog";

/** All licenses that the viewer sees, those that it holds, and what has been purchased. */
export function LicenseLists(props: PageProps) {
  const { accountId, memberId, permissions } = props;
  const [parameters] = useSearchParams();
  const [isProvisioning, setIsProvisioning] = useState(false);
  const view = viewOf(parameters);

  return (
    <>
      <PageHeader title="Licenses" lead="Which theme is used on which site, and who is responsible for it.">
        {permissions.has("PROVISION_LICENSES") && (
          <Button kind="primary" onPress={() => setIsProvisioning(true)}>
            <PlusIcon /> Provision a license
          </Button>
        )}
      </PageHeader>
      <LicenseTabs view={view} />
      <QueryBoundary>
        {view === "purchased" ? (
          <EntitlementsView accountId={accountId} permissions={permissions} />
        ) : (
          <LicensesView {...props} holderId={view === "held" ? memberId : null} />
        )}
      </QueryBoundary>
      {isProvisioning && <ProvisionDialog {...props} onClose={() => setIsProvisioning(false)} />}
    </>
  );
}
