import { utcText } from "./Time";

const FORMAT = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
];
const WEEK_SECONDS = 7 * 86_400;

/** How long ago something was, for times that matter while they are recent; the day for older ones. */
export function RelativeTime({ value }: { readonly value: string }) {
  return (
    <time dateTime={value} title={utcText(value)}>
      {relativeText(new Date(value), new Date())}
    </time>
  );
}

export function relativeText(time: Date, now: Date): string {
  const seconds = (time.getTime() - now.getTime()) / 1_000;
  if (Math.abs(seconds) < 60) return "just now";
  if (Math.abs(seconds) > WEEK_SECONDS) return DAY.format(time);
  const [unit, length] = UNITS.findLast(([, unitSeconds]) => Math.abs(seconds) >= unitSeconds) ?? ["minute", 60];
  return FORMAT.format(Math.round(seconds / length), unit);
}
