interface Props {
  /** In ISO 8601. */
  readonly value: string;
  readonly detail?: Detail;
}

type Detail = "day" | "minute" | "second";

const FORMATS = {
  day: new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }),
  minute: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }),
  second: new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }),
};

/** A time in the viewer's zone, with UTC on hover. */
export function Time({ value, detail = "minute" }: Props) {
  return (
    <time dateTime={value} title={utcText(value, detail)}>
      {timeText(value, detail)}
    </time>
  );
}

export function timeText(value: string, detail: Detail = "minute"): string {
  return FORMATS[detail].format(new Date(value));
}

export function utcText(value: string, detail: Detail = "minute"): string {
  return `${new Date(value).toISOString().slice(0, detail === "second" ? 19 : 16).replace("T", " ")} UTC`;
}
