import { Link, useLocation } from "wouter";

/** The two lists of the page, each with a URL of its own. */
export function KeyTabs({ showsAll }: { readonly showsAll: boolean }) {
  const [path] = useLocation();
  return (
    <nav className="tabs" aria-label="Lists of API keys">
      <Link href={path} aria-current={showsAll ? undefined : "page"}>
        Your keys
      </Link>
      <Link href={`${path}?view=all`} aria-current={showsAll ? "page" : undefined}>
        All keys
      </Link>
    </nav>
  );
}
