import type { Permission } from "../relay/types";

/** What the dialogs and menus of a license need to know of it. */
export interface LicenseSubject {
  readonly id: string;
  readonly site: string;
  readonly status: string;
  readonly expiresAt: string | null | undefined;
  readonly theme: { readonly name: string };
  readonly holder: { readonly id: string; readonly name: string };
}

export type LicenseActName = "site" | "rotate" | "certify" | "transfer" | "expiry" | "suspend" | "reinstate" | "revoke";

export interface LicenseAct {
  readonly name: LicenseActName;
  readonly label: string;
  /** Of licenses with which it can be done. */
  readonly statuses: readonly string[];
  /** Whether a holder with PROVISION_LICENSES can do it; REVOKE_LICENSES allows all of them. */
  readonly isForHolders: boolean;
}

const LIVE = ["ACTIVE", "SUSPENDED"];

const ACTS: readonly LicenseAct[] = [
  { name: "site", label: "Change the site …", statuses: LIVE, isForHolders: true },
  { name: "rotate", label: "Rotate the key …", statuses: LIVE, isForHolders: true },
  { name: "certify", label: "Issue a certificate …", statuses: ["ACTIVE"], isForHolders: true },
  { name: "transfer", label: "Transfer …", statuses: LIVE, isForHolders: false },
  { name: "expiry", label: "Change the expiry …", statuses: [...LIVE, "EXPIRED"], isForHolders: false },
  { name: "suspend", label: "Suspend …", statuses: ["ACTIVE"], isForHolders: false },
  { name: "reinstate", label: "Reinstate", statuses: ["SUSPENDED"], isForHolders: false },
  { name: "revoke", label: "Revoke …", statuses: [...LIVE, "EXPIRED"], isForHolders: false },
];

/** What the member may do with the license now. */
export function actsOn(
  license: LicenseSubject,
  permissions: ReadonlySet<Permission>,
  memberId: string,
): readonly LicenseAct[] {
  const isHolder = license.holder.id === memberId && permissions.has("PROVISION_LICENSES");
  return ACTS.filter(
    ({ statuses, isForHolders }) =>
      statuses.includes(license.status) && (permissions.has("REVOKE_LICENSES") || (isForHolders && isHolder)),
  );
}

/** Whether the member may see the license's key. */
export function maySeeKey(license: LicenseSubject, permissions: ReadonlySet<Permission>, memberId: string): boolean {
  return permissions.has("REVOKE_LICENSES") || license.holder.id === memberId;
}

export function licenseName({ theme, site }: Pick<LicenseSubject, "theme" | "site">): string {
  return `${theme.name} for ${site}`;
}
