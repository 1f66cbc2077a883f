import { useMemo } from "react";
import { graphql } from "react-relay/hooks";
import type { InvoiceTableQuery, InvoiceTableQuery$data } from "../__generated__/InvoiceTableQuery.graphql";
import type { PageProps } from "../pages";
import { useLiveRows } from "../relay/useLiveRows";
import { EmptyState } from "../ui/EmptyState";
import { RowList } from "../ui/RowList";
import { invoiceColumns } from "./invoiceColumns";
import type { StatusFilter } from "./invoiceStatuses";

export type InvoiceRow = NonNullable<NonNullable<InvoiceTableQuery$data["account"]>["billing"]>["invoices"]["nodes"][number];

interface Props extends Pick<PageProps, "accountId" | "slug" | "permissions"> {
  readonly status: StatusFilter;
}

const SHOWN_ACTIONS = /^INVOICE_/;

export function InvoiceTable({ accountId, slug, permissions, status }: Props) {
  const list = useLiveRows<InvoiceTableQuery, InvoiceRow>({
    query: QUERY,
    variables: { accountId, filter: { statuses: status === "ALL" ? null : [status] } },
    connectionOf: ({ account }) => account?.billing?.invoices,
    accountId,
    permissions,
    actions: SHOWN_ACTIONS,
  });
  const columns = useMemo(() => invoiceColumns(slug), [slug]);
  if (list === null) return null;
  return (
    <RowList
      label="Invoices"
      className="invoice-table"
      columns={columns}
      rows={list}
      nouns={["invoice", "invoices"]}
      empty={
        <EmptyState title="No invoices">
          {status === "ALL" ? "Each purchase of licenses has an invoice, which is then here." : "Choose another status."}
        </EmptyState>
      }
    />
  );
}

const QUERY = graphql`
  query InvoiceTableQuery($accountId: ID!, $after: String, $filter: InvoiceFilter) {
    account(id: $accountId) {
      billing {
        invoices(first: 100, after: $after, filter: $filter) {
          totalCount
          nodes {
            id
            number
            status
            issuedAt
            dueAt
            paidAt
            total {
              amount
              currency
            }
            lines {
              description
              quantity
            }
          }
          pageInfo {
            endCursor
            hasNextPage
          }
        }
      }
    }
  }
`;
