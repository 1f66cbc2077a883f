import type { StreamItem_stream$data } from "../__generated__/StreamItem_stream.graphql";
import { DeleteStreamDialog } from "./DeleteStreamDialog";
import { EditStreamDialog } from "./EditStreamDialog";
import { RotateSecretDialog } from "./RotateSecretDialog";

export type StreamDialogName = "edit" | "rotate" | "delete";

interface Props {
  readonly name: StreamDialogName;
  readonly stream: Pick<StreamItem_stream$data, "id" | "url" | "actions" | "status">;
  readonly onClose: () => void;
  readonly onDeleted: () => void;
}

export function StreamDialog({ name, stream, onClose, onDeleted }: Props) {
  switch (name) {
    case "edit":
      return <EditStreamDialog stream={stream} onClose={onClose} />;
    case "rotate":
      return <RotateSecretDialog stream={stream} onClose={onClose} />;
    case "delete":
      return <DeleteStreamDialog stream={stream} onClose={onClose} onDeleted={onDeleted} />;
  }
}
