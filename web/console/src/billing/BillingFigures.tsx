import { graphql } from "react-relay/hooks";
import type { BillingFiguresQuery } from "../__generated__/BillingFiguresQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Money, moneyText } from "../ui/Money";
import { Figure } from "./Figure";
import { SpendingMeter } from "./SpendingMeter";

/** What is to be paid and by whom, and what was spent this month. */
export function BillingFigures({ accountId }: { readonly accountId: string }) {
  const { account } = useLoadedQuery<BillingFiguresQuery>(
    graphql`
      query BillingFiguresQuery($accountId: ID!) {
        account(id: $accountId) {
          owner {
            id
            name
          }
          billing {
            outstanding {
              amount
              currency
            }
          }
          limits {
            spentThisMonth {
              amount
              currency
            }
            maxMonthlySpend {
              amount
              currency
            }
          }
        }
      }
    `,
    { accountId },
  );
  if (!account) return null;
  const { spentThisMonth, maxMonthlySpend } = account.limits;
  return (
    <div className="figures">
      {account.billing && (
        <Figure name="To pay" value={<Money value={account.billing.outstanding} />}>
          <span className="hint">Open invoices, billed to {account.owner.name} as the owner</span>
        </Figure>
      )}
      {spentThisMonth && (
        <Figure name="Spent this month" value={<Money value={spentThisMonth} />}>
          {maxMonthlySpend ? (
            <SpendingMeter spent={spentThisMonth.amount} most={maxMonthlySpend.amount} text={moneyText(maxMonthlySpend)} />
          ) : (
            <span className="hint">No monthly limit</span>
          )}
        </Figure>
      )}
    </div>
  );
}
