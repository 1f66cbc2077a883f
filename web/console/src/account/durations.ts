import type { Choice } from "../ui/ChoiceField";

export type Unit = "days" | "hours" | "minutes" | "seconds";

export const UNIT_CHOICES: readonly Choice<Unit>[] = [
  { value: "minutes", label: "minutes" },
  { value: "hours", label: "hours" },
  { value: "days", label: "days" },
];

const UNIT_SECONDS: Record<Unit, number> = { days: 86_400, hours: 3_600, minutes: 60, seconds: 1 };

/** The largest unit that counts the seconds exactly, and how many of it they are. */
export function inUnits(seconds: number): { readonly count: number; readonly unit: Unit } {
  const unit = (Object.keys(UNIT_SECONDS) as Unit[]).find((each) => seconds % UNIT_SECONDS[each] === 0) ?? "seconds";
  return { count: seconds / UNIT_SECONDS[unit], unit };
}

export function inSeconds(count: number, unit: Unit): number {
  return count * UNIT_SECONDS[unit];
}

/** Such as "8 hours" or "1 day". */
export function durationText(count: number, unit: Unit): string {
  return `${count.toLocaleString()} ${count === 1 ? unit.slice(0, -1) : unit}`;
}
