import { graphql, useFragment } from "react-relay/hooks";
import { Link } from "wouter";
import type { InvoiceLines_invoice$key } from "../__generated__/InvoiceLines_invoice.graphql";
import { accountUrl } from "../pages";
import { Money } from "../ui/Money";
import { percentText } from "../ui/percentText";

interface Props {
  readonly invoice: InvoiceLines_invoice$key;
  /** Of the account. */
  readonly slug: string;
}

/** Up to 100 lines, and the sums. */
export function InvoiceLines({ invoice, slug }: Props) {
  const { lines, subtotal, taxRate, tax, total } = useFragment(
    graphql`
      fragment InvoiceLines_invoice on Invoice {
        subtotal {
          amount
          currency
        }
        taxRate
        tax {
          amount
          currency
        }
        total {
          amount
          currency
        }
        lines {
          description
          quantity
          unitPrice {
            amount
            currency
          }
          amount {
            amount
            currency
          }
          theme {
            id
          }
        }
      }
    `,
    invoice,
  );
  return (
    <table className="invoice-lines">
      <thead>
        <tr>
          <th scope="col">Theme</th>
          <th scope="col">Licenses</th>
          <th scope="col">Price</th>
          <th scope="col">Amount</th>
        </tr>
      </thead>
      <tbody>
        {lines.map(({ description, quantity, unitPrice, amount, theme }, index) => (
          <tr key={index}>
            <th scope="row">{theme ? <Link href={accountUrl(slug, "catalog", theme.id)}>{description}</Link> : description}</th>
            <td>{quantity.toLocaleString()}</td>
            <td>
              <Money value={unitPrice} />
            </td>
            <td>
              <Money value={amount} />
            </td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <Sum term="Without tax" value={subtotal} />
        <Sum term={`Tax, ${percentText(taxRate)}`} value={tax} />
        <Sum term="Total" value={total} />
      </tfoot>
    </table>
  );
}

function Sum({ term, value }: { readonly term: string; readonly value: { amount: string; currency: string } }) {
  return (
    <tr>
      <th scope="row" colSpan={3}>
        {term}
      </th>
      <td>
        <Money value={value} />
      </td>
    </tr>
  );
}
