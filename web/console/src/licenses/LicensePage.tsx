import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { LicensePageQuery } from "../__generated__/LicensePageQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { useListUrl } from "../shell/useListUrl";
import { usePageTitle } from "../shell/usePageTitle";
import { LicenseView } from "./LicenseView";

interface Props extends PageProps {
  readonly licenseId: string;
}

/** One license, with a URL of its own. */
export function LicensePage({ licenseId, ...page }: Props) {
  const listUrl = useListUrl(page.slug, "licenses")();
  const { node } = useLoadedQuery<LicensePageQuery>(
    graphql`
      query LicensePageQuery($licenseId: ID!) {
        node(id: $licenseId) {
          ... on License {
            account {
              id
            }
            ...LicenseView_license @alias(as: "license")
          }
        }
      }
    `,
    { licenseId },
  );
  return (
    <>
      <p className="back-link">
        <Link href={listUrl}>← Licenses</Link>
      </p>
      {node?.license && node.account?.id === page.accountId ? (
        <LicenseView {...page} license={node.license} />
      ) : (
        <UnknownLicense />
      )}
    </>
  );
}

function UnknownLicense() {
  const heading = usePageTitle("License not found");
  return (
    <section className="narrow">
      <h1 ref={heading} tabIndex={-1}>
        License not found
      </h1>
      <p>There is no such license in this account, or your role does not show it.</p>
    </section>
  );
}
