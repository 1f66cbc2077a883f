import { TextField } from "./TextField";

interface Props {
  readonly name: string;
  readonly label: string;
  readonly description?: string;
  /** As the browser's control has it: `2026-11-29T17:36` in the viewer's zone, or empty. */
  readonly value: string;
  readonly autoFocus?: boolean;
  readonly onChange: (value: string) => void;
}

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** A day and time in the viewer's zone. */
export function DateTimeField({ description, ...props }: Props) {
  return <TextField {...props} type="datetime-local" description={[description, `Time zone: ${ZONE}.`].join(" ").trim()} />;
}

/** The control's value in ISO 8601; null for an empty one. */
export function toIso(value: string): string | null {
  return value === "" ? null : new Date(value).toISOString();
}

/** The value for the control of a time in ISO 8601; empty for null. */
export function fromIso(iso: string | null | undefined): string {
  if (iso === null || iso === undefined) return "";
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
