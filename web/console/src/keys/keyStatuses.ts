import type { ApiKeyStatus } from "../__generated__/KeyTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";

type KnownStatus = Exclude<ApiKeyStatus, "%future added value">;

export const STATUS_CHOICES: readonly Choice<KnownStatus>[] = [
  { value: "ACTIVE", label: "Active" },
  { value: "UNCLAIMED", label: "Not claimed" },
  { value: "EXPIRED", label: "Expired" },
  { value: "REVOKED", label: "Revoked" },
];

export type StatusFilter = KnownStatus | "USABLE" | "ALL";

export const STATUS_FILTERS: readonly Choice<StatusFilter>[] = [
  { value: "USABLE", label: "Active or not claimed" },
  ...STATUS_CHOICES,
  { value: "ALL", label: "All" },
];

export function statusTitle(status: string): string {
  return STATUS_CHOICES.find(({ value }) => value === status)?.label ?? status;
}

export function statusesOf(filter: StatusFilter): readonly KnownStatus[] | null {
  if (filter === "ALL") return null;
  return filter === "USABLE" ? ["ACTIVE", "UNCLAIMED"] : [filter];
}
