import { Meter } from "react-aria-components";

interface Props {
  readonly spent: string;
  readonly most: string;
  /** The limit in words. */
  readonly text: string;
}

/** How much of the monthly limit is spent. */
export function SpendingMeter({ spent, most, text }: Props) {
  return (
    <Meter
      aria-label="Part of the monthly limit that is spent"
      value={Number(spent)}
      maxValue={Math.max(Number(most), 0.01)}
      className="meter"
    >
      {({ percentage }) => (
        <>
          <span className="meter-track">
            <span className="meter-fill" style={{ width: `${percentage}%` }} />
          </span>
          <span className="hint">Limit: {text} a calendar month (UTC), with tax</span>
        </>
      )}
    </Meter>
  );
}
