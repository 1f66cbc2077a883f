import { useCallback, useState } from "react";
import { graphql } from "react-relay/hooks";
import { Link } from "wouter";
import type { KeyPageQuery } from "../__generated__/KeyPageQuery.graphql";
import type { PageProps } from "../pages";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { useRefreshWhile } from "../relay/useRefreshWhile";
import { useListUrl } from "../shell/useListUrl";
import { PageHeader } from "../ui/PageHeader";
import { KeyView } from "./KeyView";

interface Props extends PageProps {
  readonly keyId: string;
}

/** One API key, with a URL of its own. */
export function KeyPage({ keyId, ...page }: Props) {
  const listUrl = useListUrl(page.slug, "keys")();
  const [refreshes, setRefreshes] = useState(0);
  const refresh = useCallback(() => setRefreshes((count) => count + 1), []);
  const { node } = useLoadedQuery<KeyPageQuery>(
    graphql`
      query KeyPageQuery($keyId: ID!) {
        node(id: $keyId) {
          ... on ApiKey {
            status
            member {
              account {
                id
              }
            }
            ...KeyView_apiKey @alias(as: "apiKey")
          }
        }
      }
    `,
    { keyId },
    { version: refreshes },
  );
  useRefreshWhile(node?.status === "UNCLAIMED", refresh);
  return (
    <>
      <p className="back-link">
        <Link href={listUrl}>← API keys</Link>
      </p>
      {node?.apiKey && node.member?.account.id === page.accountId ? (
        <KeyView {...page} apiKey={node.apiKey} />
      ) : (
        <PageHeader title="API key not found" lead="There is no such key in this account, or it belongs to another member." />
      )}
    </>
  );
}
