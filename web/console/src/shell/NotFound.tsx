import { Link } from "wouter";
import { usePageTitle } from "./usePageTitle";

export function NotFound() {
  const heading = usePageTitle("Page not found");
  return (
    <section className="narrow">
      <h1 ref={heading} tabIndex={-1}>
        Page not found
      </h1>
      <p>There is no such page, or it is not open to you: your role does not include it, or you are not a member of its account.</p>
      <p>
        <Link href="/">Go to your accounts</Link>
      </p>
    </section>
  );
}
