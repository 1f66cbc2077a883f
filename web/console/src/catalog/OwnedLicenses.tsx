import { graphql, useFragment } from "react-relay/hooks";
import { Link } from "wouter";
import type { OwnedLicenses_account$key } from "../__generated__/OwnedLicenses_account.graphql";
import type { OwnedLicenses_theme$key } from "../__generated__/OwnedLicenses_theme.graphql";
import { accountUrl, type PageProps } from "../pages";
import { Detail, DetailList } from "../ui/DetailList";
import { Panel } from "../ui/Panel";

interface Props extends PageProps {
  readonly theme: OwnedLicenses_theme$key;
  readonly account: OwnedLicenses_account$key;
}

/** How many licenses of the theme the account has, and what the viewer can do with them. */
export function OwnedLicenses({ theme: themeKey, account: accountKey, slug, permissions }: Props) {
  const theme = useFragment(
    graphql`
      fragment OwnedLicenses_theme on Theme @argumentDefinitions(accountId: { type: "ID!" }) {
        id
        viewerCanProvision(accountId: $accountId)
      }
    `,
    themeKey,
  );
  const { entitlements } = useFragment(
    graphql`
      fragment OwnedLicenses_account on Account @argumentDefinitions(themeIds: { type: "[ID!]!" }) {
        entitlements(first: 1, filter: { themeIds: $themeIds }) {
          nodes {
            id
            purchased
            provisioned
            available
          }
        }
      }
    `,
    accountKey,
  );
  const entitlement = entitlements?.nodes[0];
  return (
    <Panel title="Licenses of this account">
      {entitlement === undefined ? (
        <p>{permissions.has("PURCHASE_LICENSES") ? "None yet." : "None yet. Admins purchase licenses."}</p>
      ) : (
        <>
          <DetailList>
            <Detail term="Purchased">{entitlement.purchased.toLocaleString()}</Detail>
            <Detail term="In use">{entitlement.provisioned.toLocaleString()}</Detail>
            <Detail term="Available">{entitlement.available.toLocaleString()}</Detail>
          </DetailList>
          {permissions.has("PROVISION_LICENSES") && !theme.viewerCanProvision && entitlement.available > 0 && (
            <p className="hint">You cannot provision this theme now: a limit of the account or your own one is reached.</p>
          )}
          <Link href={`${accountUrl(slug, "licenses")}?themeId=${encodeURIComponent(theme.id)}`}>Licenses of this theme</Link>
        </>
      )}
    </Panel>
  );
}
