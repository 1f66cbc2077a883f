import { useCallback } from "react";
import { useMutation, type UseMutationConfig } from "react-relay/hooks";
import type { GraphQLTaggedNode, MutationParameters } from "relay-runtime";
import { announceChange } from "./changes";

type Options<M extends MutationParameters> = Omit<UseMutationConfig<M>, "variables" | "onCompleted" | "onError">;

/**
 * A mutation as a function that resolves with the response, or rejects with an ApiError or ConnectionError, and whether
 * one is running.
 */
export function useChange<M extends MutationParameters>(
  mutation: GraphQLTaggedNode,
): [(variables: M["variables"], options?: Options<M>) => Promise<M["response"]>, boolean] {
  const [commit, isRunning] = useMutation<M>(mutation);
  const change = useCallback(
    (variables: M["variables"], options?: Options<M>) =>
      new Promise<M["response"]>((resolve, reject) => {
        commit({
          ...options,
          variables,
          onCompleted: (response) => {
            announceChange();
            resolve(response);
          },
          onError: reject,
        });
      }),
    [commit],
  );
  return [change, isRunning];
}
