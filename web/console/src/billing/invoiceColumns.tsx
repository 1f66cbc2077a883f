import { Link } from "wouter";
import { accountUrl } from "../pages";
import { Money } from "../ui/Money";
import { Time } from "../ui/Time";
import type { Column } from "../ui/GridRow";
import { InvoiceDownload } from "./InvoiceDownload";
import { InvoiceStatusBadge } from "./InvoiceStatusBadge";
import type { InvoiceRow } from "./InvoiceTable";

const SHOWN_LINES = 2;

/** `slug` is that of the account. */
export function invoiceColumns(slug: string): readonly Column<InvoiceRow>[] {
  return [
    {
      id: "invoice",
      header: "Invoice",
      isRowHeader: true,
      cell: ({ id, number, lines }, tabIndex) => (
        <div className="invoice-text">
          <Link href={accountUrl(slug, "billing", id)} tabIndex={tabIndex}>
            <strong>{number}</strong>
          </Link>
          <span className="hint">{linesText(lines)}</span>
        </div>
      ),
    },
    { id: "issued", header: "Issued", cell: ({ issuedAt }) => <Time value={issuedAt} detail="day" /> },
    {
      id: "state",
      header: "State",
      cell: ({ status, dueAt }) => (
        <span className="invoice-text">
          <InvoiceStatusBadge status={status} dueAt={dueAt} />
          {status === "OPEN" && (
            <span className="hint">
              by <Time value={dueAt} detail="day" />
            </span>
          )}
        </span>
      ),
    },
    { id: "total", header: "With tax", cell: ({ total }) => <Money value={total} /> },
    {
      id: "menu",
      header: <span className="visually-hidden">Download</span>,
      cell: ({ id, number }, tabIndex) => <InvoiceDownload id={id} number={number} isInTabOrder={tabIndex === 0} />,
    },
  ];
}

function linesText(lines: InvoiceRow["lines"]): string {
  const shown = lines.slice(0, SHOWN_LINES).map(({ description, quantity }) => `${quantity.toLocaleString()} × ${description}`);
  const others = lines.length - shown.length;
  if (others > 0) shown.push(others === 1 ? "1 more theme" : `${others} more themes`);
  return shown.join(", ");
}
