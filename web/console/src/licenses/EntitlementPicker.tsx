import { useCallback, useRef } from "react";
import { fetchQuery, graphql, useRelayEnvironment } from "react-relay/hooks";
import type { Environment } from "relay-runtime";
import type { EntitlementPickerQuery, EntitlementPickerQuery$data } from "../__generated__/EntitlementPickerQuery.graphql";
import { SearchPicker, type Option, type PickerProps } from "../pickers/SearchPicker";

type Page = NonNullable<NonNullable<EntitlementPickerQuery$data["account"]>["entitlements"]>;
type Entitlement = Page["nodes"][number];

interface Props extends PickerProps {
  readonly accountId: string;
}

const MOST_PAGES = 20;
const MOST_OPTIONS = 50;

/** One theme that the account has purchased, withdrawn ones included, with how many licenses are left. */
export function EntitlementPicker({ accountId, ...field }: Props) {
  const environment = useRelayEnvironment();
  const loading = useRef<Promise<readonly Entitlement[]>>(undefined);
  const search = useCallback(
    async (text: string) => {
      loading.current ??= loaded(environment, accountId);
      const entitlements = await loading.current.catch((error: unknown) => {
        loading.current = undefined;
        throw error;
      });
      const matches = entitlements.filter(({ theme }) => theme.name.toLowerCase().includes(text.toLowerCase()));
      return matches.slice(0, MOST_OPTIONS).map(optionOf);
    },
    [environment, accountId],
  );
  return <SearchPicker {...field} search={search} emptyText="No purchased theme matches." />;
}

/** All of them, since the API has no search for them: one for each theme that was purchased. */
async function loaded(environment: Environment, accountId: string): Promise<readonly Entitlement[]> {
  const found: Entitlement[] = [];
  let after: string | null = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const response = await fetchQuery<EntitlementPickerQuery>(environment, QUERY, { accountId, after }).toPromise();
    const page: Page | null | undefined = response?.account?.entitlements;
    found.push(...(page?.nodes ?? []));
    if (page?.pageInfo.hasNextPage !== true) break;
    after = page.pageInfo.endCursor ?? null;
  }
  return found.sort((first, second) => first.theme.name.localeCompare(second.theme.name));
}

function optionOf({ theme, purchased, available }: Entitlement): Option {
  const { id, name, viewerCanProvision } = theme;
  const left = `${available.toLocaleString()} of ${purchased.toLocaleString()} left`;
  if (viewerCanProvision) return { id, name, note: left };
  if (available === 0) return { id, name, note: "None left", isDisabled: true };
  return { id, name, note: `${left}, beyond a limit of yours or of the account` };
}

const QUERY = graphql`
  query EntitlementPickerQuery($accountId: ID!, $after: String) {
    account(id: $accountId) {
      entitlements(first: 100, after: $after) {
        nodes {
          purchased
          available
          theme {
            id
            name
            viewerCanProvision(accountId: $accountId)
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`;
