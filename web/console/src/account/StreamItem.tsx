import { useState } from "react";
import { graphql, useFragment } from "react-relay/hooks";
import type { StreamItem_stream$key } from "../__generated__/StreamItem_stream.graphql";
import { StreamDialog, type StreamDialogName } from "./StreamDialog";
import { StreamHealth } from "./StreamHealth";
import { StreamMenu } from "./StreamMenu";
import { StreamStatus } from "./StreamStatus";
import { hostOf } from "./streamUrls";

interface Props {
  readonly stream: StreamItem_stream$key;
  readonly onDeleted: () => void;
}

export function StreamItem({ stream, onDeleted }: Props) {
  const [dialog, setDialog] = useState<StreamDialogName | null>(null);
  const data = useFragment(
    graphql`
      fragment StreamItem_stream on AuditStream {
        id
        url
        actions
        status
        failingSince
        createdBy {
          id
          name
        }
        ...StreamHealth_stream
      }
    `,
    stream,
  );
  const { url, actions, status, failingSince, createdBy } = data;
  return (
    <li>
      <div className="stream-text">
        <span className="stream-title">
          <strong>{hostOf(url)}</strong>
          <StreamStatus status={status} isFailing={typeof failingSince === "string"} />
        </span>
        <span className="hint">{url}</span>
        <span className="hint">
          {eventsText(actions?.length)}, created by {createdBy.name}
        </span>
        <StreamHealth stream={data} />
      </div>
      <StreamMenu stream={data} onOpen={setDialog} />
      {dialog !== null && <StreamDialog name={dialog} stream={data} onClose={() => setDialog(null)} onDeleted={onDeleted} />}
    </li>
  );
}

function eventsText(count: number | undefined): string {
  if (count === undefined) return "All events";
  return count === 1 ? "Events of 1 action" : `Events of ${count} actions`;
}
