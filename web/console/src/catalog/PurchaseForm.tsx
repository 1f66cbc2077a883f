import { useDeferredValue, useRef } from "react";
import { graphql } from "react-relay/hooks";
import type { PurchaseFormMutation } from "../__generated__/PurchaseFormMutation.graphql";
import type { PageProps } from "../pages";
import { newIdempotencyKey } from "../relay/idempotencyKey";
import { useChange } from "../relay/useChange";
import type { UserProblem } from "../relay/userErrors";
import { DialogForm } from "../ui/DialogForm";
import { QueryBoundary } from "../ui/QueryBoundary";
import { TextField } from "../ui/TextField";
import { useDraft } from "../ui/useDraft";
import type { Purchase } from "./PurchaseDone";
import { PurchaseSummary } from "./PurchaseSummary";
import { MOST_LICENSES, quantityOf } from "./quantityOf";

interface Props extends PageProps {
  readonly themeId: string;
  readonly onClose: () => void;
  readonly onPurchased: (purchase: Purchase) => void;
}

/** `key` belongs to `keyQuantity`: a purchase whose answer was lost is repeated with it, and made once. */
const EMPTY = { quantity: "1", keyQuantity: 0, key: "" };

export function PurchaseForm({ themeId, onClose, onPurchased, ...page }: Props) {
  const { accountId } = page;
  const [draft, change, clear] = useDraft(`purchase:${accountId}:${themeId}`, EMPTY);
  const purchase = useRef<Purchase | null>(null);
  const quantity = quantityOf(draft.quantity);
  const shownQuantity = useDeferredValue(quantity);
  const [purchaseLicenses] = useChange<PurchaseFormMutation>(graphql`
    mutation PurchaseFormMutation($input: PurchaseLicensesInput!) {
      purchaseLicenses(input: $input) {
        invoice {
          id
          number
          status
          dueAt
          total {
            amount
            currency
          }
        }
        entitlements {
          id
          purchased
          provisioned
          available
        }
        userErrors {
          message
          path
        }
      }
    }
  `);

  async function submit(): Promise<readonly UserProblem[]> {
    if (quantity === null) {
      return [{ message: `Enter a whole number from 1 to ${MOST_LICENSES.toLocaleString()}.`, path: ["items"] }];
    }
    const key = draft.keyQuantity === quantity ? draft.key : newIdempotencyKey();
    change({ key, keyQuantity: quantity });
    const items = [{ themeId, quantity }];
    const response = await purchaseLicenses({ input: { accountId, items, idempotencyKey: key } });
    const problems = response.purchaseLicenses?.userErrors ?? [];
    if (problems.length === 0) purchase.current = { quantity, ...response.purchaseLicenses };
    return problems;
  }

  function finish() {
    clear();
    if (purchase.current !== null) onPurchased(purchase.current);
  }

  return (
    <DialogForm
      submitLabel={quantity === null || quantity === 1 ? "Purchase 1 license" : `Purchase ${quantity.toLocaleString()} licenses`}
      fieldNames={["items"]}
      onClose={onClose}
      onSubmit={submit}
      onSuccess={finish}
    >
      <TextField
        name="items"
        label="Number of licenses"
        inputMode="numeric"
        autoFocus
        maxLength={9}
        value={draft.quantity}
        onChange={(text) => change({ quantity: text })}
      />
      {shownQuantity !== null && (
        <div className={shownQuantity === quantity ? undefined : "list-pending"}>
          <QueryBoundary>
            <PurchaseSummary {...page} themeId={themeId} quantity={shownQuantity} />
          </QueryBoundary>
        </div>
      )}
      <p className="hint">
        The invoice is issued at once and emailed to the owner of the account. Purchased licenses cannot be given back.
      </p>
    </DialogForm>
  );
}
