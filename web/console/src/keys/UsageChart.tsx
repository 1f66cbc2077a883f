import { dayText, type DayUsage } from "./dayUsage";

interface Props {
  /** The newest day first. */
  readonly usage: readonly DayUsage[];
}

/** A bar for each day, the newest at the right. Screen readers have the table. */
export function UsageChart({ usage }: Props) {
  const days = usage.toReversed();
  const most = Math.max(...days.map(({ calls }) => calls));
  const [first, last] = [days[0], days.at(-1)];
  return (
    <div className="usage-chart" aria-hidden="true">
      <span className="hint">{most.toLocaleString()}</span>
      <div className="usage-bars">
        {days.map(({ day, calls, denied }) => (
          <span key={day} className="usage-day" title={`${dayText(day)}: ${calls.toLocaleString()} calls, ${denied.toLocaleString()} refused`}>
            <span className="usage-denied" style={{ height: `${(100 * denied) / most}%` }} />
            <span className="usage-calls" style={{ height: `${(100 * (calls - denied)) / most}%` }} />
          </span>
        ))}
      </div>
      <div className="usage-axis hint">
        <span>{first && dayText(first.day)}</span>
        <span className="usage-legend">
          <span className="usage-calls" /> answered <span className="usage-denied" /> refused
        </span>
        <span>{last && dayText(last.day)}</span>
      </div>
    </div>
  );
}
