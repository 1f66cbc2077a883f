import { Link } from "wouter";
import { PERSONAL_PAGES, accountUrl } from "../pages";
import type { Viewer } from "../relay/types";
import { NavigationList } from "./NavigationList";

interface Props {
  readonly viewer: Viewer;
  readonly path: string;
}

/** The pages about the person, and the way back to the accounts. */
export function PersonalNavigation({ viewer, path }: Props) {
  const [only, ...others] = viewer.memberships;
  return (
    <>
      <div className="sidebar-account">
        <strong>You</strong>
        {only === undefined ? (
          <Link href="/">Create an account</Link>
        ) : others.length === 0 ? (
          <Link href={accountUrl(only.account.slug)}>Back to {only.account.name}</Link>
        ) : (
          <Link href="/">Your accounts</Link>
        )}
      </div>
      <NavigationList
        label="You"
        entries={PERSONAL_PAGES.map(({ path: pagePath, title, icon }) => ({
          url: `/${pagePath}`,
          title,
          icon,
          isCurrent: pagePath === path,
        }))}
      />
    </>
  );
}
