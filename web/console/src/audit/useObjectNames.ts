import { useEffect, useState } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { useObjectNamesQuery } from "../__generated__/useObjectNamesQuery.graphql";

const UNKNOWN = "an object that you cannot see";

/** Names of the objects with these ids, as they are now. */
export function useObjectNames(ids: readonly string[]): (id: string) => string {
  const environment = useRelayEnvironment();
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  const missing = [...new Set(ids)].filter((id) => !names.has(id)).join(",");
  useEffect(() => {
    if (missing === "") return;
    let isCurrent = true;
    const asked = missing.split(",");
    const show = (found: readonly string[]) =>
      isCurrent && setNames((known) => new Map([...known, ...asked.map((id, index) => [id, found[index] ?? UNKNOWN] as const)]));
    void fetchQuery<useObjectNamesQuery>(environment, QUERY, { ids: asked })
      .toPromise()
      .then((response) => show((response?.nodes ?? []).map(nameOf)))
      .catch(() => show([]));
    return () => {
      isCurrent = false;
    };
  }, [environment, missing]);
  return (id) => names.get(id) ?? "…";
}

function nameOf(node: useObjectNamesQuery["response"]["nodes"][number]): string {
  return node?.name ?? node?.email ?? node?.site ?? node?.number ?? node?.url ?? UNKNOWN;
}

const QUERY = graphql`
  query useObjectNamesQuery($ids: [ID!]!) {
    nodes(ids: $ids) {
      ... on Account {
        name
      }
      ... on Member {
        name
      }
      ... on ApiKey {
        name
      }
      ... on Theme {
        name
      }
      ... on Invitation {
        email
      }
      ... on License {
        site
      }
      ... on Invoice {
        number
      }
      ... on AuditStream {
        url
      }
    }
  }
`;
