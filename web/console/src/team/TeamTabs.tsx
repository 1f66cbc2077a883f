import { Link, useLocation } from "wouter";

/** The two lists of the page, each with a URL of its own. */
export function TeamTabs({ showsInvitations }: { readonly showsInvitations: boolean }) {
  const [path] = useLocation();
  return (
    <nav className="tabs" aria-label="Lists of the team">
      <Link href={path} aria-current={showsInvitations ? undefined : "page"}>
        Members
      </Link>
      <Link href={`${path}?view=invitations`} aria-current={showsInvitations ? "page" : undefined}>
        Invitations
      </Link>
    </nav>
  );
}
