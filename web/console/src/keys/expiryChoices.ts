import type { Choice } from "../ui/ChoiceField";
import { toIso } from "../ui/DateTimeField";
import { daysText } from "./PolicyHint";

/** A number of days, the latest time that the account allows, never, or a time that the person enters. */
export type Expiry = "7" | "30" | "90" | "365" | "latest" | "never" | "custom";

const DAYS: readonly ("7" | "30" | "90" | "365")[] = ["7", "30", "90", "365"];
const DAY_MILLISECONDS = 86_400_000;

/** `maxDays` is the longest lifetime that the account allows, or null. */
export function expiryChoices(maxDays: number | null): readonly Choice<Expiry>[] {
  const choices: Choice<Expiry>[] = DAYS.filter((days) => maxDays === null || Number(days) < maxDays).map((days) => ({
    value: days,
    label: `In ${daysText(Number(days))}`,
  }));
  choices.push(
    maxDays === null
      ? { value: "never", label: "Never" }
      : { value: "latest", label: `In ${daysText(maxDays)}, the longest that the account allows` },
  );
  return [...choices, { value: "custom", label: "At another time …" }];
}

export function defaultExpiry(maxDays: number | null): Expiry {
  return maxDays === null || maxDays > 365 ? "365" : "latest";
}

/** The input's `expiresAt`, counted from a time that stays the same when the request is repeated. */
export function expiresAt(expiry: Expiry, entered: string, from: number): string | null {
  switch (expiry) {
    case "latest":
    case "never":
      return null;
    case "custom":
      return toIso(entered);
    default:
      return new Date(from + Number(expiry) * DAY_MILLISECONDS).toISOString();
  }
}
