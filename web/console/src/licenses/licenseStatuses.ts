import type { LicenseStatus } from "../__generated__/LicenseTableQuery.graphql";
import type { Choice } from "../ui/ChoiceField";

export type KnownStatus = Exclude<LicenseStatus, "%future added value">;

export const STATUS_CHOICES: readonly Choice<KnownStatus>[] = [
  { value: "ACTIVE", label: "Active" },
  { value: "SUSPENDED", label: "Suspended" },
  { value: "EXPIRED", label: "Expired" },
  { value: "REVOKED", label: "Revoked" },
];

export function statusTitle(status: string): string {
  return STATUS_CHOICES.find(({ value }) => value === status)?.label ?? status;
}
