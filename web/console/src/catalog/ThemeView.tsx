import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { ThemeView_account$key } from "../__generated__/ThemeView_account.graphql";
import type { ThemeView_theme$key } from "../__generated__/ThemeView_theme.graphql";
import type { PageProps } from "../pages";
import { usePageTitle } from "../shell/usePageTitle";
import { Button } from "../ui/Button";
import { OwnedLicenses } from "./OwnedLicenses";
import { PurchaseDialog } from "./PurchaseDialog";
import { ReleaseList } from "./ReleaseList";
import { TagLinks } from "./TagLinks";
import { ThemeFacts } from "./ThemeFacts";

interface Props extends PageProps {
  readonly theme: ThemeView_theme$key;
  readonly account: ThemeView_account$key;
  readonly onPurchased: () => void;
}

/** A theme in full: what it is, what the account has of it, and its releases. */
export function ThemeView({ theme: themeKey, account: accountKey, onPurchased, ...page }: Props) {
  const theme = useFragment(
    graphql`
      fragment ThemeView_theme on Theme @argumentDefinitions(accountId: { type: "ID!" }) {
        id
        name
        summary
        tags
        ...ThemeFacts_theme
        ...OwnedLicenses_theme @arguments(accountId: $accountId)
        ...ReleaseList_theme
      }
    `,
    themeKey,
  );
  const account = useFragment(
    graphql`
      fragment ThemeView_account on Account
      @argumentDefinitions(themeIds: { type: "[ID!]!" }, seesLicenses: { type: "Boolean!" }) {
        ...OwnedLicenses_account @alias(as: "owned") @arguments(themeIds: $themeIds) @include(if: $seesLicenses)
        usableLicenses: licenses(first: 1, filter: { themeIds: $themeIds, statuses: [ACTIVE] })
          @include(if: $seesLicenses) {
          nodes {
            id
          }
        }
      }
    `,
    accountKey,
  );
  const heading = usePageTitle(theme.name);
  const [isPurchasing, setIsPurchasing] = useState(false);
  const mayPurchase = page.permissions.has("PURCHASE_LICENSES");

  return (
    <>
      <header className="page-header">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {theme.name}
          </h1>
          <p className="lead">{theme.summary}</p>
          <TagLinks tags={theme.tags} slug={page.slug} />
        </div>
        {mayPurchase && (
          <Button kind="primary" onPress={() => setIsPurchasing(true)}>
            Purchase licenses
          </Button>
        )}
      </header>
      <div className="theme-panels">
        <ThemeFacts theme={theme} />
        {account.owned && <OwnedLicenses {...page} theme={theme} account={account.owned} />}
      </div>
      <ReleaseList
        theme={theme}
        licenseId={account.usableLicenses?.nodes[0]?.id ?? null}
        mayDownload={page.permissions.has("DOWNLOAD_THEME_FILES")}
      />
      {isPurchasing && (
        <PurchaseDialog
          {...page}
          themeId={theme.id}
          themeName={theme.name}
          onClose={() => setIsPurchasing(false)}
          onPurchased={onPurchased}
        />
      )}
    </>
  );
}
