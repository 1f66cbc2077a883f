import { createContext, useContext } from "react";
import { useLazyLoadQuery } from "react-relay/hooks";
import type { FetchPolicy, GraphQLTaggedNode, OperationType } from "relay-runtime";

/**
 * Number of the attempt of the enclosing error boundary, another one each time it is mounted or tries again. Relay keeps a query
 * that failed, and one whose component was left before the answer arrived, under the query's key.
 */
export const AttemptContext = createContext(0);

interface Options {
  /** If omitted, what is known is shown while it is read again. */
  readonly fetchPolicy?: FetchPolicy;
  /** The query is sent again when it changes. */
  readonly version?: number;
}

/** The data of a query. Suspends until it is there; a failure is shown by the enclosing error boundary. */
export function useLoadedQuery<Query extends OperationType>(
  query: GraphQLTaggedNode,
  variables: Query["variables"],
  { fetchPolicy = "store-and-network", version = 0 }: Options = {},
): Query["response"] {
  const attempt = useContext(AttemptContext);
  return useLazyLoadQuery<Query>(query, variables, { fetchPolicy, fetchKey: `${attempt}.${version}` });
}
