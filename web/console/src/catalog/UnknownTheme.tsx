import { usePageTitle } from "../shell/usePageTitle";

export function UnknownTheme() {
  const heading = usePageTitle("Theme not found");
  return (
    <div className="narrow">
      <h1 ref={heading} tabIndex={-1}>
        Theme not found
      </h1>
      <p>The link is wrong, or the theme is no longer sold. Licenses of it remain on the page of licenses.</p>
    </div>
  );
}
