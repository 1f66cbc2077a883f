interface Amount {
  /** Exact, in the currency's main unit: `12.50`. */
  readonly amount: string;
  /** Three letters of ISO 4217. */
  readonly currency: string;
}

/** An amount of money in the format of the viewer's language. */
export function Money({ value }: { readonly value: Amount }) {
  return <span className="money">{moneyText(value)}</span>;
}

export function moneyText({ amount, currency }: Amount): string {
  return new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: 2 }).format(
    // A text keeps every digit; a number has 15 of them.
    amount as `${number}`,
  );
}
