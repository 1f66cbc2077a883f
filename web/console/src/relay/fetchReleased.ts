import { fetchQuery } from "react-relay/hooks";
import { createOperationDescriptor, getRequest, type GraphQLTaggedNode, type IEnvironment, type OperationType } from "relay-runtime";

/** Reads something of which nothing needs to stay in Relay's store. */
export async function fetchReleased<Query extends OperationType>(
  environment: IEnvironment,
  query: GraphQLTaggedNode,
  variables: Query["variables"],
): Promise<Query["response"] | undefined> {
  const retained = environment.retain(createOperationDescriptor(getRequest(query), variables));
  try {
    return await fetchQuery<Query>(environment, query, variables).toPromise();
  } finally {
    retained.dispose();
  }
}
