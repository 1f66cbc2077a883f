import type { ApiScope } from "../__generated__/GenerateFormMutation.graphql";

export type Scope = Exclude<ApiScope, "%future added value">;

export interface ScopeChoice {
  readonly value: Scope;
  readonly label: string;
  readonly description: string;
}

/** With what each scope lets a program do, in words. */
export const SCOPE_CHOICES: readonly ScopeChoice[] = [
  { value: "READ", label: "Read", description: "Reads all that its member sees, and requests reports and invoices." },
  { value: "PROVISION", label: "Provision", description: "Provisions licenses and downloads theme files." },
  { value: "LICENSES", label: "Licenses", description: "Revokes, suspends, reinstates and transfers licenses. Sees their keys." },
  { value: "TEAM", label: "Team", description: "Invites people, removes other members, sets their roles, limits and ends of access." },
  { value: "BILLING", label: "Billing", description: "Purchases licenses, which costs money, and changes billing details." },
  { value: "ACCOUNT", label: "Account", description: "Renames the account, sets its limits and its rule about sessions, manages audit streams." },
];

export function scopeTitle(scope: string): string {
  return SCOPE_CHOICES.find(({ value }) => value === scope)?.label ?? scope;
}

export function scopesText(scopes: readonly string[]): string {
  return scopes.length === SCOPE_CHOICES.length ? "All" : scopes.map(scopeTitle).join(", ");
}
