import { Link, useLocation } from "wouter";

/** The two parts of the page, each with a URL of its own. */
export function BillingTabs({ showsDetails }: { readonly showsDetails: boolean }) {
  const [path] = useLocation();
  return (
    <nav className="tabs" aria-label="Parts of billing">
      <Link href={path} aria-current={showsDetails ? undefined : "page"}>
        Invoices
      </Link>
      <Link href={`${path}?view=details`} aria-current={showsDetails ? "page" : undefined}>
        Billing details
      </Link>
    </nav>
  );
}
