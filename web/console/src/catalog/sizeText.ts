const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** A size such as `1.4 MB`, in units of 1,000. */
export function sizeText(bytes: number): string {
  const exponent = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return new Intl.NumberFormat(undefined, {
    style: "unit",
    unit: UNITS[exponent],
    unitDisplay: exponent === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  }).format(bytes / 1_000 ** exponent);
}
