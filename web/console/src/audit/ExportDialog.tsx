import { Dialog } from "../ui/Dialog";
import { ActivityExportForm } from "./ActivityExportForm";
import { ExportForm } from "./ExportForm";

interface Props {
  readonly accountId: string;
  readonly seesAll: boolean;
  readonly onClose: () => void;
}

export function ExportDialog({ accountId, seesAll, onClose }: Props) {
  return (
    <Dialog title={seesAll ? "Export the audit log" : "Export your license activity"} onClose={onClose}>
      {seesAll ? (
        <ExportForm accountId={accountId} onClose={onClose} />
      ) : (
        <ActivityExportForm accountId={accountId} onClose={onClose} />
      )}
    </Dialog>
  );
}
