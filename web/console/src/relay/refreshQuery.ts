import { fetchQuery } from "react-relay/hooks";
import type { CacheConfig, GraphQLTaggedNode, IEnvironment, OperationType } from "relay-runtime";

const CONFIG: CacheConfig = { metadata: { isRefresh: true } };

/**
 * Reads a query again that is shown, without being asked by the person. A failure leaves what is shown, and who has closed the
 * question for a new sign-in is not asked again.
 */
export async function refreshQuery<Query extends OperationType>(
  environment: IEnvironment,
  query: GraphQLTaggedNode,
  variables: Query["variables"],
): Promise<void> {
  await fetchQuery<Query>(environment, query, variables, { networkCacheConfig: CONFIG })
    .toPromise()
    .catch(() => undefined);
}

export function isRefresh({ metadata }: CacheConfig): boolean {
  return metadata?.["isRefresh"] === true;
}
