import { Time } from "../ui/Time";

interface Props {
  readonly value: string | null | undefined;
  readonly status: string;
}

const DAY_MILLISECONDS = 86_400_000;
const SOON_DAYS = 30;
const FORMAT = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

/** When a license expires; the last days stand out. */
export function Expiry({ value, status }: Props) {
  if (value === null || value === undefined) return <span className="quiet">Never</span>;
  const days = (new Date(value).getTime() - Date.now()) / DAY_MILLISECONDS;
  return (
    <span className="stacked">
      <Time value={value} detail="day" />
      {status === "ACTIVE" && days < SOON_DAYS && (
        <span className="license-soon">{FORMAT.format(Math.max(Math.floor(days), 0), "day")}</span>
      )}
    </span>
  );
}
