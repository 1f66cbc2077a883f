import { accountUrl, type AccountPage } from "../pages";
import type { Membership, Viewer } from "../relay/types";
import { AccountSwitcher } from "./AccountSwitcher";
import { NavigationList } from "./NavigationList";

interface Props {
  readonly viewer: Viewer;
  readonly membership: Membership;
  readonly pages: readonly AccountPage[];
  readonly path: string;
}

/** The account that is open, and its pages. */
export function AccountNavigation({ viewer, membership, pages, path }: Props) {
  const { account } = membership;
  return (
    <>
      <div className="sidebar-account">
        <AccountSwitcher memberships={viewer.memberships} current={membership} />
      </div>
      <NavigationList
        label={account.name}
        entries={pages.map(({ path: pagePath, title, icon }) => ({
          url: accountUrl(account.slug, pagePath),
          title,
          icon,
          isCurrent: pagePath === path,
        }))}
      />
    </>
  );
}
