import { useState } from "react";
import { graphql } from "react-relay/hooks";
import type { StreamsPanelQuery } from "../__generated__/StreamsPanelQuery.graphql";
import { useLoadedQuery } from "../relay/useLoadedQuery";
import { useRefresh } from "../relay/useRefresh";
import { Button } from "../ui/Button";
import { Panel } from "../ui/Panel";
import { CreateStreamDialog } from "./CreateStreamDialog";
import { StreamItem } from "./StreamItem";

const QUERY = graphql`
  query StreamsPanelQuery($accountId: ID!) {
    account(id: $accountId) {
      auditStreams(first: 100) {
        nodes {
          id
          ...StreamItem_stream
        }
      }
    }
  }
`;
/** Deliveries and retries are seconds apart at first. */
const REFRESH_SECONDS = 5;
const MOST_STREAMS = 10;

/** The account's audit streams, and how their deliveries go. */
export function StreamsPanel({ accountId }: { readonly accountId: string }) {
  const [isCreating, setIsCreating] = useState(false);
  const [version, setVersion] = useState(0);
  const { account } = useLoadedQuery<StreamsPanelQuery>(QUERY, { accountId }, { version });
  useRefresh<StreamsPanelQuery>(QUERY, { accountId }, REFRESH_SECONDS);
  const streams = account?.auditStreams?.nodes ?? [];
  const isFull = streams.length >= MOST_STREAMS;
  const changed = () => setVersion((count) => count + 1);

  return (
    <Panel
      title="Audit streams"
      hint="Webhooks: each sends the events of the audit log to a URL of yours, within seconds and in order."
      action={
        <Button isDisabled={isFull} onPress={() => setIsCreating(true)}>
          Create an audit stream
        </Button>
      }
    >
      {isFull && <p className="hint">An account has at most {MOST_STREAMS} audit streams. Delete one to create another.</p>}
      {streams.length === 0 ? (
        <p>None. Events stay in the audit log.</p>
      ) : (
        <ul className="stream-list" aria-label="Audit streams">
          {streams.map((stream) => (
            <StreamItem key={stream.id} stream={stream} onDeleted={changed} />
          ))}
        </ul>
      )}
      {isCreating && <CreateStreamDialog accountId={accountId} onClose={() => setIsCreating(false)} onCreated={changed} />}
    </Panel>
  );
}
