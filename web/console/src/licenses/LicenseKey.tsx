import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { LicenseKeyQuery } from "../__generated__/LicenseKeyQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { Button } from "../ui/Button";
import { CopyText } from "../ui/CopyText";
import { QueryBoundary } from "../ui/QueryBoundary";

/** The key, which is read once the person asks for it. */
export function LicenseKey({ licenseId }: { readonly licenseId: string }) {
  const [isShown, setIsShown] = useState(false);
  return (
    <div className="license-key">
      {isShown && (
        <QueryBoundary>
          <ShownKey licenseId={licenseId} />
        </QueryBoundary>
      )}
      <Button aria-expanded={isShown} onPress={() => setIsShown(!isShown)}>
        {isShown ? "Hide the key" : "Show the key"}
      </Button>
    </div>
  );
}

function ShownKey({ licenseId }: { readonly licenseId: string }) {
  const { node } = useLoadedQuery<LicenseKeyQuery>(
    graphql`
      query LicenseKeyQuery($licenseId: ID!) {
        node(id: $licenseId) {
          ... on License {
            key
          }
        }
      }
    `,
    { licenseId },
    { fetchPolicy: "network-only" },
  );
  if (typeof node?.key !== "string") return <p>The key is visible to Admins and to the holder.</p>;
  return <CopyText name="the license key" text={node.key} />;
}
