/** Placeholder of what is being loaded. */
export function Loading({ label = "Loading …" }: { readonly label?: string }) {
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden="true" /> {label}
    </p>
  );
}
