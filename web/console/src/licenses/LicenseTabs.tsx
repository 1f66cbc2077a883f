import { Link, useLocation } from "wouter";

const TABS = [
  { view: "all", title: "All licenses" },
  { view: "held", title: "Held by you" },
  { view: "purchased", title: "Purchased" },
] as const;

export type LicensesViewName = (typeof TABS)[number]["view"];

export function viewOf(parameters: URLSearchParams): LicensesViewName {
  return TABS.find(({ view }) => view === parameters.get("view"))?.view ?? "all";
}

/** The lists of the page, each with a URL of its own. */
export function LicenseTabs({ view: current }: { readonly view: LicensesViewName }) {
  const [path] = useLocation();
  return (
    <nav className="tabs" aria-label="Lists of licenses">
      {TABS.map(({ view, title }) => (
        <Link key={view} href={view === "all" ? path : `${path}?view=${view}`} aria-current={view === current ? "page" : undefined}>
          {title}
        </Link>
      ))}
    </nav>
  );
}
