import { usePageTitle } from "../shell/usePageTitle";

export function UnknownInvoice() {
  const heading = usePageTitle("Invoice not found");
  return (
    <div className="narrow">
      <h1 ref={heading} tabIndex={-1}>
        Invoice not found
      </h1>
      <p>The link is wrong, or the invoice belongs to an account that you cannot see.</p>
    </div>
  );
}
