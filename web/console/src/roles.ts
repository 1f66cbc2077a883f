import type { Choice } from "./ui/ChoiceField";
import type { Role } from "./relay/types";

/** With what each role may do, in words. */
export const ROLE_CHOICES: readonly Choice<Role>[] = [
  { value: "ADMIN", label: "Admin", description: "Everything: team, billing, API keys, licenses and the audit log." },
  { value: "MEMBER", label: "Member", description: "Provisions licenses within limits, downloads files, uses the API." },
  { value: "VIEWER", label: "Viewer", description: "Sees the catalog, the team and active licenses. Changes nothing." },
];

export function roleTitle(role: string): string {
  return ROLE_CHOICES.find(({ value }) => value === role)?.label ?? role;
}
