import { lazy, type ComponentType } from "react";
import {
  AccountIcon,
  AuditIcon,
  BillingIcon,
  CatalogIcon,
  DataIcon,
  KeyIcon,
  LicensesIcon,
  PersonIcon,
  SessionsIcon,
  TeamIcon,
} from "./ui/icons";
import type { Permission, Viewer } from "./relay/types";

export interface PageProps {
  readonly accountId: string;
  /** Of the account, for URLs of its pages: see `accountUrl`. */
  readonly slug: string;
  /** The viewer's own membership of the account. */
  readonly memberId: string;
  /** What the viewer may do in the account now. */
  readonly permissions: ReadonlySet<Permission>;
  /** Id in the URL of one entry of the page: `/accounts/SLUG/PATH/ID`. */
  readonly entryId?: string;
}

/** Page of an account, in a folder of its own. */
export interface AccountPage {
  /** Part of its URL: `/accounts/SLUG/PATH`. */
  readonly path: string;
  /** Whether its entries have URLs of their own: `/accounts/SLUG/PATH/ID`. */
  readonly hasEntries?: boolean;
  readonly title: string;
  readonly icon: ComponentType;
  /** Who sees the page in the navigation. */
  readonly permission: Permission;
  /** Whether those who have API keys see it without the permission. */
  readonly isForKeyHolders?: boolean;
  /** Loaded when the page is opened, as a chunk of its own. */
  readonly component: ComponentType<PageProps>;
}

/** In the order of the navigation. The first one that the viewer may see opens with the account. */
export const ACCOUNT_PAGES: readonly AccountPage[] = [
  {
    path: "team",
    title: "Team",
    icon: TeamIcon,
    permission: "VIEW_TEAM",
    component: lazy(() => import("./team/TeamPage")),
  },
  {
    path: "licenses",
    hasEntries: true,
    title: "Licenses",
    icon: LicensesIcon,
    permission: "VIEW_ACTIVE_LICENSES",
    component: lazy(() => import("./licenses/LicensesPage")),
  },
  {
    path: "catalog",
    hasEntries: true,
    title: "Catalog",
    icon: CatalogIcon,
    permission: "BROWSE_CATALOG",
    component: lazy(() => import("./catalog/CatalogPage")),
  },
  {
    path: "keys",
    hasEntries: true,
    title: "API keys",
    icon: KeyIcon,
    permission: "ACCESS_API",
    isForKeyHolders: true,
    component: lazy(() => import("./keys/KeysPage")),
  },
  {
    path: "audit-log",
    title: "Audit log",
    icon: AuditIcon,
    permission: "VIEW_OWN_ACTIVITY",
    component: lazy(() => import("./audit/AuditPage")),
  },
  {
    path: "billing",
    hasEntries: true,
    title: "Billing",
    icon: BillingIcon,
    permission: "MANAGE_BILLING",
    component: lazy(() => import("./billing/BillingPage")),
  },
  {
    path: "account",
    title: "Account",
    icon: AccountIcon,
    permission: "VIEW_TEAM",
    component: lazy(() => import("./account/AccountPage")),
  },
];

export interface PersonalPageProps {
  readonly viewer: Viewer;
  /** Reads the person and the memberships again, after a change of them. */
  readonly onViewerChange: () => void;
}

/** Page about the person, which belongs to no account. */
export interface PersonalPage {
  /** Of its URL: `/PATH`. */
  readonly path: string;
  readonly title: string;
  readonly icon: ComponentType;
  readonly component: ComponentType<PersonalPageProps>;
}

/** In the order of their navigation. The person's name in the sidebar leads to the first one. */
export const PERSONAL_PAGES: readonly PersonalPage[] = [
  { path: "you", title: "Profile", icon: PersonIcon, component: lazy(() => import("./you/ProfilePage")) },
  { path: "you/sessions", title: "Sessions", icon: SessionsIcon, component: lazy(() => import("./you/SessionsPage")) },
  { path: "you/accounts", title: "Accounts", icon: AccountIcon, component: lazy(() => import("./you/AccountsPage")) },
  { path: "you/data", title: "Personal data", icon: DataIcon, component: lazy(() => import("./you/DataPage")) },
];

/** All accounts of the person, and a form that creates another. */
export const ACCOUNTS_URL = "/accounts";

export function accountUrl(slug: string, ...parts: readonly string[]): string {
  return [ACCOUNTS_URL, ...[slug, ...parts].map(encodeURIComponent)].join("/");
}
