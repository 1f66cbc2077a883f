import { graphql, useFragment } from "react-relay/hooks";
import type { InvoiceView_invoice$key } from "../__generated__/InvoiceView_invoice.graphql";
import { usePageTitle } from "../shell/usePageTitle";
import { Detail, DetailList } from "../ui/DetailList";
import { Time } from "../ui/Time";
import { InvoiceDownload } from "./InvoiceDownload";
import { InvoiceLines } from "./InvoiceLines";
import { InvoiceStatusBadge } from "./InvoiceStatusBadge";

interface Props {
  readonly invoice: InvoiceView_invoice$key;
  /** Of the account. */
  readonly slug: string;
}

export function InvoiceView({ invoice: key, slug }: Props) {
  const invoice = useFragment(
    graphql`
      fragment InvoiceView_invoice on Invoice {
        id
        number
        status
        issuedAt
        dueAt
        paidAt
        purchasedBy {
          id
          name
        }
        ...InvoiceLines_invoice
      }
    `,
    key,
  );
  const { status, issuedAt, dueAt, paidAt, purchasedBy } = invoice;
  const heading = usePageTitle(invoice.number);
  return (
    <>
      <header className="page-header">
        <div className="badged-title">
          <h1 ref={heading} tabIndex={-1}>
            {invoice.number}
          </h1>
          <InvoiceStatusBadge status={status} dueAt={dueAt} />
        </div>
        <InvoiceDownload id={invoice.id} number={invoice.number} />
      </header>
      <div className="panel">
        <DetailList>
          <Detail term="Issued">
            <Time value={issuedAt} />
          </Detail>
          {status === "OPEN" && (
            <Detail term="To be paid by">
              <Time value={dueAt} detail="day" />
            </Detail>
          )}
          {typeof paidAt === "string" && (
            <Detail term="Paid">
              <Time value={paidAt} detail="day" />
            </Detail>
          )}
          {status === "VOID" && <Detail term="Cancelled">It need not be paid, and does not count as spent.</Detail>}
          <Detail term="Purchased by">{purchasedBy.name}</Detail>
        </DetailList>
        <InvoiceLines invoice={invoice} slug={slug} />
      </div>
    </>
  );
}
