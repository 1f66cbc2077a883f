import { graphql } from "react-relay/hooks";
import type { PurchaseSummaryQuery } from "../__generated__/PurchaseSummaryQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Detail, DetailList } from "../ui/DetailList";
import { Money } from "../ui/Money";
import { Notice } from "../ui/Notice";
import { percentText } from "../ui/percentText";

interface Props extends PageProps {
  readonly themeId: string;
  readonly quantity: number;
}

/** What the purchase costs, as the API quotes it, and what the account's monthly limit leaves. */
export function PurchaseSummary({ accountId, permissions, themeId, quantity }: Props) {
  const { account } = useLoadedQuery<PurchaseSummaryQuery>(
    graphql`
      query PurchaseSummaryQuery($accountId: ID!, $items: [PurchaseItemInput!]!, $seesSpending: Boolean!) {
        account(id: $accountId) {
          purchaseQuote(items: $items) {
            subtotal {
              amount
              currency
            }
            taxRate
            reverseCharge
            tax {
              amount
              currency
            }
            total {
              amount
              currency
            }
            userErrors {
              message
            }
          }
          limits {
            maxMonthlySpend {
              amount
              currency
            }
            spentThisMonth @include(if: $seesSpending) {
              amount
              currency
            }
          }
        }
      }
    `,
    { accountId, items: [{ themeId, quantity }], seesSpending: permissions.has("MANAGE_BILLING") },
    { fetchPolicy: "store-and-network" },
  );
  const quote = account?.purchaseQuote;
  if (!account || !quote) return null;
  const { maxMonthlySpend, spentThisMonth } = account.limits;
  return (
    <div className="form" role="status">
      {quote.subtotal && quote.tax && quote.total && (
        <DetailList>
          <Detail term="Licenses">
            <Money value={quote.subtotal} />
          </Detail>
          <Detail term={`Tax, ${percentText(quote.taxRate ?? "0")}`}>
            <Money value={quote.tax} />
            {quote.reverseCharge === true && " (reverse charge: the buyer accounts for it)"}
          </Detail>
          <Detail term="To pay">
            <strong>
              <Money value={quote.total} />
            </strong>
          </Detail>
          {spentThisMonth && (
            <Detail term="Spent this month">
              <Money value={spentThisMonth} />
              {maxMonthlySpend ? (
                <>
                  {" "}
                  of at most <Money value={maxMonthlySpend} />
                </>
              ) : (
                ", no limit"
              )}
            </Detail>
          )}
        </DetailList>
      )}
      {quote.userErrors.length > 0 && (
        <Notice kind="warning">
          {quote.userErrors.map(({ message }) => (
            <p key={message}>{message}</p>
          ))}
        </Notice>
      )}
    </div>
  );
}
