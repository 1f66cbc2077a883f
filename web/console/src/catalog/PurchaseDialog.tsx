import { useState } from "react";
import type { PageProps } from "../pages";
import { Dialog } from "../ui/Dialog";
import { PurchaseDone, type Purchase } from "./PurchaseDone";
import { PurchaseForm } from "./PurchaseForm";

interface Props extends PageProps {
  readonly themeId: string;
  readonly themeName: string;
  readonly onClose: () => void;
  readonly onPurchased: () => void;
}

export function PurchaseDialog({ onPurchased, ...props }: Props) {
  const [purchase, setPurchase] = useState<Purchase | null>(null);
  function show(made: Purchase) {
    setPurchase(made);
    onPurchased();
  }
  return (
    <Dialog
      title={purchase === null ? `Purchase licenses of ${props.themeName}` : "The licenses were purchased"}
      onClose={props.onClose}
    >
      {purchase === null ? <PurchaseForm {...props} onPurchased={show} /> : <PurchaseDone {...props} purchase={purchase} />}
    </Dialog>
  );
}
