import type { Permission } from "../relay/types";

/** What the dialogs and menus of a key need to know of it. */
export interface KeySubject {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | null | undefined;
  readonly allowedNetworks: readonly string[];
  readonly member: { readonly id: string; readonly name: string };
}

export type KeyActName = "update" | "rotate" | "revoke";

export interface KeyAct {
  readonly name: KeyActName;
  readonly label: string;
  /** Of keys with which it can be done. */
  readonly statuses: readonly string[];
  /** Whether GENERATE_API_KEYS allows it for keys of others: nobody else may see a member's secret. */
  readonly isForOthers: boolean;
}

const ACTS: readonly KeyAct[] = [
  { name: "update", label: "Change …", statuses: ["ACTIVE", "UNCLAIMED"], isForOthers: true },
  { name: "rotate", label: "Rotate …", statuses: ["ACTIVE"], isForOthers: false },
  { name: "revoke", label: "Revoke …", statuses: ["ACTIVE", "UNCLAIMED"], isForOthers: true },
];

/** What the member may do with the key now. */
export function actsOn(key: KeySubject, permissions: ReadonlySet<Permission>, memberId: string): readonly KeyAct[] {
  const isOwn = key.member.id === memberId;
  return ACTS.filter(
    ({ statuses, isForOthers }) =>
      statuses.includes(key.status) && (isOwn || (isForOthers && permissions.has("GENERATE_API_KEYS"))),
  );
}
