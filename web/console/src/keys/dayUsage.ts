/** Calls with a key on one day of UTC, such as `2026-11-30`. */
export interface DayUsage {
  readonly day: string;
  readonly calls: number;
  readonly denied: number;
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });

export function dayText(day: string): string {
  return DAY.format(new Date(day));
}
