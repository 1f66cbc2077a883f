import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { InvoicePageQuery } from "../__generated__/InvoicePageQuery.graphql";
import { accountUrl, type PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { InvoiceView } from "./InvoiceView";
import { UnknownInvoice } from "./UnknownInvoice";

interface Props extends PageProps {
  readonly invoiceId: string;
}

/** One invoice, with a URL of its own. */
export function InvoicePage({ invoiceId, slug }: Props) {
  const { node } = useLoadedQuery<InvoicePageQuery>(
    graphql`
      query InvoicePageQuery($invoiceId: ID!) {
        node(id: $invoiceId) {
          ...InvoiceView_invoice @alias(as: "invoice")
        }
      }
    `,
    { invoiceId },
  );
  return (
    <>
      <p className="back-link">
        <Link href={accountUrl(slug, "billing")}>← Billing</Link>
      </p>
      {node?.invoice ? <InvoiceView invoice={node.invoice} slug={slug} /> : <UnknownInvoice />}
    </>
  );
}
