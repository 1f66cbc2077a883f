/** Of one theme in one purchase. */
export const MOST_LICENSES = 100_000;

/** The number in the text; null where it is none that can be bought. */
export function quantityOf(text: string): number | null {
  const quantity = /^\d+$/.test(text.trim()) ? Number(text.trim()) : 0;
  return quantity >= 1 && quantity <= MOST_LICENSES ? quantity : null;
}
