import { useCallback, useState } from "react";
import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { ThemePageAccountQuery } from "../__generated__/ThemePageAccountQuery.graphql";
import type { ThemePageQuery } from "../__generated__/ThemePageQuery.graphql";
import type { ThemeView_theme$key } from "../__generated__/ThemeView_theme.graphql";
import { accountUrl, type PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { ThemeView } from "./ThemeView";
import { UnknownTheme } from "./UnknownTheme";

interface Props extends PageProps {
  readonly themeId: string;
}

/** One theme, with a URL of its own. */
export function ThemePage({ themeId, ...page }: Props) {
  const { accountId } = page;
  const [purchases, setPurchases] = useState(0);
  const addPurchase = useCallback(() => setPurchases((count) => count + 1), []);
  const { node } = useLoadedQuery<ThemePageQuery>(
    graphql`
      query ThemePageQuery($accountId: ID!, $themeId: ID!) {
        node(id: $themeId) {
          ...ThemeView_theme @alias(as: "theme") @arguments(accountId: $accountId)
        }
      }
    `,
    { accountId, themeId },
    { version: purchases },
  );
  return (
    <>
      <p className="back-link">
        <Link href={accountUrl(page.slug, "catalog")}>← Catalog</Link>
      </p>
      {node?.theme ? <KnownTheme {...page} themeId={themeId} theme={node.theme} purchases={purchases} onPurchased={addPurchase} /> : <UnknownTheme />}
    </>
  );
}

interface KnownProps extends Props {
  readonly theme: ThemeView_theme$key;
  /** What the account has is read again when it changes. */
  readonly purchases: number;
  readonly onPurchased: () => void;
}

/** Asks what the account has of the theme only once the id is known to be one: the API refuses others in a filter. */
function KnownTheme({ themeId, purchases, ...view }: KnownProps) {
  const { accountId, permissions } = view;
  const { account } = useLoadedQuery<ThemePageAccountQuery>(
    graphql`
      query ThemePageAccountQuery($accountId: ID!, $themeIds: [ID!]!, $seesLicenses: Boolean!) {
        account(id: $accountId) {
          ...ThemeView_account @arguments(themeIds: $themeIds, seesLicenses: $seesLicenses)
        }
      }
    `,
    { accountId, themeIds: [themeId], seesLicenses: permissions.has("VIEW_ACTIVE_LICENSES") },
    { version: purchases },
  );
  return account ? <ThemeView {...view} account={account} /> : null;
}
