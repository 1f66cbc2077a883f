import "./billing.css";
import type { PageProps } from "../pages";
import { BillingView } from "./BillingView";
import { InvoicePage } from "./InvoicePage";

/** Invoices and billing details of the account, or the invoice whose id follows in the URL. */
export default function BillingPage(props: PageProps) {
  return props.entryId === undefined ? <BillingView {...props} /> : <InvoicePage key={props.entryId} {...props} invoiceId={props.entryId} />;
}
