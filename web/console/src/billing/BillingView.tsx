import { useSearchParams } from "wouter";
import type { PageProps } from "../pages";
import { PageHeader } from "../ui/PageHeader";
import { QueryBoundary } from "../ui/QueryBoundary";
import { BillingFigures } from "./BillingFigures";
import { BillingTabs } from "./BillingTabs";
import { DetailsView } from "./DetailsView";
import { InvoicesView } from "./InvoicesView";

export function BillingView(props: PageProps) {
  const [parameters] = useSearchParams();
  const showsDetails = parameters.get("view") === "details";
  return (
    <>
      <PageHeader title="Billing" lead="Invoices of purchases, and what is printed on them." />
      <QueryBoundary>
        <BillingFigures accountId={props.accountId} />
      </QueryBoundary>
      <BillingTabs showsDetails={showsDetails} />
      <QueryBoundary>{showsDetails ? <DetailsView {...props} /> : <InvoicesView {...props} />}</QueryBoundary>
    </>
  );
}
