/** A fraction such as `0.19` as `19%`. */
export function percentText(fraction: string): string {
  return new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 2 }).format(Number(fraction));
}
