import { Link } from "wouter";
import type { PurchaseFormMutation$data } from "../__generated__/PurchaseFormMutation.graphql";
import { accountUrl, type PageProps } from "../pages";
import { Button } from "../ui/Button";
import { InvoiceDownload } from "../billing/InvoiceDownload";
import { Money } from "../ui/Money";
import { Time } from "../ui/Time";

type Payload = NonNullable<PurchaseFormMutation$data["purchaseLicenses"]>;

export interface Purchase extends Partial<Pick<Payload, "invoice" | "entitlements">> {
  readonly quantity: number;
}

interface Props extends PageProps {
  readonly themeName: string;
  readonly purchase: Purchase;
  readonly onClose: () => void;
}

/** The invoice, and what the account has now. */
export function PurchaseDone({ slug, permissions, themeName, purchase, onClose }: Props) {
  const { quantity, invoice } = purchase;
  const available = purchase.entitlements?.[0]?.available ?? 0;
  return (
    <div className="form">
      <p role="status">
        {quantity === 1 ? "1 license" : `${quantity.toLocaleString()} licenses`} of {themeName}{" "}
        {quantity === 1 ? "was" : "were"} added. {available.toLocaleString()} can be provisioned now.
      </p>
      {invoice && permissions.has("MANAGE_BILLING") && (
        <p>
          Invoice <Link href={accountUrl(slug, "billing", invoice.id)}>{invoice.number}</Link> of{" "}
          <Money value={invoice.total} />
          {invoice.status === "OPEN" ? (
            <>
              , to be paid by <Time value={invoice.dueAt} detail="day" />.
            </>
          ) : (
            "."
          )}
        </p>
      )}
      <footer className="dialog-footer">
        {invoice && permissions.has("MANAGE_BILLING") && <InvoiceDownload id={invoice.id} number={invoice.number} />}
        <Button kind="primary" onPress={onClose} autoFocus>
          Done
        </Button>
      </footer>
    </div>
  );
}
