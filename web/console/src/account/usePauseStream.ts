import { useCallback } from "react";
import { graphql } from "react-relay/hooks";
import type { usePauseStreamMutation } from "../__generated__/usePauseStreamMutation.graphql";
import { useChange } from "../relay/useChange";
import { reported } from "../ui/reported";
import { hostOf } from "./streamUrls";

/** Pauses an audit stream, or resumes it where it stopped. It is shown at once, and taken back with the reason when the server refuses it. */
export function usePauseStream(): (stream: { id: string; url: string }, paused: boolean) => Promise<void> {
  const [update] = useChange<usePauseStreamMutation>(graphql`
    mutation usePauseStreamMutation($input: UpdateAuditStreamInput!) {
      updateAuditStream(input: $input) {
        auditStream {
          id
          status
          ...StreamHealth_stream
        }
        userErrors {
          message
        }
      }
    }
  `);
  return useCallback(
    ({ id, url }, paused) =>
      reported(`Deliveries to ${hostOf(url)} ${paused ? "are paused" : "resume where they stopped"}.`, async () => {
        const { updateAuditStream } = await update(
          { input: { auditStreamId: id, paused } },
          { optimisticUpdater: (store) => store.get(id)?.setValue(paused ? "PAUSED" : "ACTIVE", "status") },
        );
        return updateAuditStream?.userErrors ?? [];
      }),
    [update],
  );
}
