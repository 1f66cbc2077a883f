import { dayText, type DayUsage } from "./dayUsage";

/** Days with calls, the newest first. */
export function UsageTable({ usage }: { readonly usage: readonly DayUsage[] }) {
  return (
    <details className="usage-numbers">
      <summary>Show the numbers as a table</summary>
      <table>
        <thead>
          <tr>
            <th scope="col">Day (UTC)</th>
            <th scope="col">Calls</th>
            <th scope="col">Refused</th>
          </tr>
        </thead>
        <tbody>
          {usage
            .filter(({ calls }) => calls > 0)
            .map(({ day, calls, denied }) => (
              <tr key={day}>
                <th scope="row">{dayText(day)}</th>
                <td>{calls.toLocaleString()}</td>
                <td>{denied.toLocaleString()}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </details>
  );
}
