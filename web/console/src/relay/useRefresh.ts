import { useEffect, useRef } from "react";
import { useRelayEnvironment } from "react-relay/hooks";
import type { GraphQLTaggedNode, OperationType } from "relay-runtime";
import { refreshQuery } from "./refreshQuery";
import { whileVisible } from "./whileVisible";

const REFRESH_SECONDS = 30;

/** Reads a query that is shown again, so that changes of others appear. A failure leaves what is shown. */
export function useRefresh<Query extends OperationType>(
  query: GraphQLTaggedNode,
  variables: Query["variables"],
  seconds = REFRESH_SECONDS,
): void {
  const environment = useRelayEnvironment();
  const current = useRef(variables);
  current.current = variables;
  useEffect(
    () =>
      whileVisible(seconds, () => {
        void refreshQuery<Query>(environment, query, current.current);
      }),
    [environment, query, seconds],
  );
}
